"""Signatures and fingerprints to band keys, buckets and candidate pairs."""
