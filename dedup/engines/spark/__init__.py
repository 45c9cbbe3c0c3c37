"""The Spark engine: the local kernels on Arrow batches, and the plan that carries data between."""
