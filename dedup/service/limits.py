"""What a request may ask for. Light at import."""

from __future__ import annotations

from dataclasses import dataclass

from dedup.errors import ConfigError

MOST_DOCUMENTS = 1 << 16
"""Of one request: what an index compares together."""
DEFAULT_TOP, MOST_TOP = 10, 1_000
"""Matches of a text that are answered."""
DEFAULT_COMPARED, MOST_COMPARED = 10_000, 1_000_000
"""Stored documents that a text is compared with; the ``limit`` of `Index.query`."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a request.

    Attributes
    ----------
    max_body_bytes : of its body.
    max_documents : texts in it.
    timeout_seconds : within which the body must have come; and within which, from then, a query is
        answered and an addition has begun. One that has begun is finished and answered.
    max_requests : that are worked on or wait, together; each holds its body.
    """

    max_body_bytes: int = 8 << 20
    max_documents: int = 10_000
    timeout_seconds: float = 30.0
    max_requests: int = 32

    def __post_init__(self) -> None:
        for name in ("max_body_bytes", "max_documents", "max_requests"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least 1.")
        if self.max_documents > MOST_DOCUMENTS:
            raise ConfigError(
                f"max_documents is {self.max_documents}; give at most {MOST_DOCUMENTS}."
            )
        if not 0 < self.timeout_seconds < float("inf"):
            raise ConfigError(
                f"timeout_seconds is {self.timeout_seconds}; give a number of seconds above 0."
            )
