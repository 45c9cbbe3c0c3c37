"""The result of a run: its tables, its summary, its evidence, and the folder that holds them."""
