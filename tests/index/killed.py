"""What the writers of `test_index_kill` add."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

SHARED = "a document that all of the batches share, stored once"


def batch(number: int) -> pa.Table:
    """Return batch `number`: the shared document, and some dozens that are in no other batch."""
    rng = np.random.default_rng(number)
    count = int(rng.integers(20, 60))
    texts = [" ".join(f"w{number}.{one}.{k}" for k in range(60)) for one in range(count)]
    ids = [f"{number}/{one}" for one in range(count)]
    return pa.table({"id": [f"{number}/shared", *ids], "text": [SHARED, *texts]})
