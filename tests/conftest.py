"""Settings for all tests: Hypothesis draws the same examples in every run; an S3 server to use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.object_store import Bucket

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")


@pytest.fixture(scope="session")
def _new_bucket() -> Iterator[Callable[[str], Bucket]]:
    from tests.object_store import server

    with server() as new_bucket:
        yield new_bucket


@pytest.fixture
def bucket(_new_bucket: Callable[[str], Bucket], request: pytest.FixtureRequest) -> Bucket:
    """Give an empty bucket of one's own."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return _new_bucket(f"{name[:50]}-{abs(hash(request.node.nodeid)) % 10**8}")
