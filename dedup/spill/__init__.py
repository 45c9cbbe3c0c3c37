"""Arrays and sorted keys that need not fit the memory."""
