"""How good a run was: against a truth that someone has, or measured on the corpus itself."""
