"""Training: layers written on kernels, a model's loss and gradients, and the task graph of its steps."""
