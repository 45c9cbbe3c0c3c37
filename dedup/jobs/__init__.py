"""A run on this machine: files in, a folder of results out; continued, decided again, filtered."""
