"""The index inside other programs: a module for each."""
