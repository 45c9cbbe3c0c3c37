"""The plan of a run: what a sample of the input says of it beforehand."""
