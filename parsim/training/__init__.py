"""Training: layers made of kernels, the loss and gradients of a model, and the task graph of its steps."""
