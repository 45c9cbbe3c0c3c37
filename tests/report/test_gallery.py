"""The gallery's pictures are there, small, and each with a text."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"


def test_pictures_are_small_and_described() -> None:
    shown = re.findall(r"!\[(.+?)\]\((.+?)\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))
    assert {name for _, name in shown} == {f"gallery/{p.name}" for p in DOCS.glob("gallery/*")}
    (in_readme,) = re.findall(r"!\[(.+?)\]\(docs/(.+?)\)", README.read_text(encoding="utf-8"))
    assert in_readme[1] in {name for _, name in shown}
    for text, name in [*shown, in_readme]:
        assert len(text) > 20
        assert 10_000 < (DOCS / name).stat().st_size < 200_000
