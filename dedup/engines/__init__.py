"""Engines move data between the kernels: worker processes on one machine, and later Spark."""
