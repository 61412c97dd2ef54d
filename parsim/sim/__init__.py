"""The simulated clock: theory, network and engine."""
