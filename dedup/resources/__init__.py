"""What a run may take of the machine, and takes: memory, disk, processes, seconds."""
