"""Keep freed memory in the process: the kernels' scratch arrays come and go a million times.

glibc gives back what lies free at the end of the heap, and takes it anew a moment later, page fault
by page fault: a fifth of the time of text that is not ASCII. How much may lie there is twice the
largest block that a process ever took straight from the system and freed, so one such block, never
touched, settles it. Elsewhere this does nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_BLOCK_BYTES = 24 << 20
"""Below glibc's own limit of 32 MB, from where on every block comes straight from the system."""


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Let up to twice 24 MB of free memory stay; once a process."""
    np.empty(_BLOCK_BYTES, np.uint8)
