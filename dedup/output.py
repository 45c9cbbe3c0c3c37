"""Everything a run writes: the results, and filtered or annotated copies of the input.

Copies are written first, beside their final place; then the results; then all are renamed. A run
that is killed leaves nothing that looks whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from dedup.errors import DedupError
from dedup.io.inputs import InputFile
from dedup.result import Result, check_replaceable, staged

PathLike = str | os.PathLike[str]
