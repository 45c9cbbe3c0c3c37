"""Errors of tasks: what dedup raised on an executor is raised on the driver, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from dedup import errors
from dedup.errors import DedupError, InputError

_RAISED = re.compile(r"^dedup\.errors\.(\w+): (.+)$", re.MULTILINE)


@contextmanager
def of_tasks() -> Iterator[None]:
    """Raise again what a task raised on purpose, without Spark's traces around it."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raised = _RAISED.findall(str(error))
        if not raised:
            raise
        name, sentence = raised[-1]
        is_input = issubclass(getattr(errors, name, DedupError), InputError)
        raise (InputError if is_input else DedupError)(sentence) from error
