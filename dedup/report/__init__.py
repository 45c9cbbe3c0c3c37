"""A run explained: numbers, texts and pictures of what was decided."""
