"""Text to tokens to shingle sets: the first kernels of the flow."""
