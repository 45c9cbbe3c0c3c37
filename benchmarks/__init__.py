"""Speed, memory and recall of dedup beside its peers; ``python -m benchmarks --help``."""
