"""Shingle sets to MinHash signatures, SimHash fingerprints and digests."""
