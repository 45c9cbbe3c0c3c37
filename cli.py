"""Launcher for a checkout: ``python cli.py run ...`` is ``dedup run ...``."""

from dedup.cli import main

if __name__ == "__main__":  # spawned workers import this file again
    main()
