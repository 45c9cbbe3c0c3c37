"""Near-duplicates among embedding vectors: the same search, with hash functions for vectors."""
