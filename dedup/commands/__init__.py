"""The commands, a file for each: parse, one public call, print."""
