"""Arguments -> files in input order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dedup.errors import InputError, MissingExtraError
from dedup.io.formats import FORMATS, TABLE, format_of, known_suffixes
from dedup.io.inputs import discover


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(*arguments: str | Path) -> list[str]:
    return [file.name for file in discover(arguments).files]


def test_folders_are_walked_in_code_point_order(tmp_path: Path) -> None:
    make(
        tmp_path, "b.txt", "a/z.jsonl", "a.txt", "a-b.txt", "B.txt", "ä.txt", "a/b/c.CSV",
        ".hidden.txt", "_SUCCESS", ".git/x.txt", "_tmp/y.txt", "notes.pdf", "c.tar.gz", "README",
        "sub/d.pdf",
    )  # fmt: skip
    found = discover([tmp_path])
    expected = ["B.txt", "a-b.txt", "a.txt", "a/b/c.CSV", "a/z.jsonl", "b.txt", "ä.txt"]
    assert [file.name for file in found.files] == expected
    assert expected == sorted(expected)
    assert [file.ordinal for file in found.files] == list(range(7))
    assert found.skipped == {".pdf": 2, ".tar.gz": 1, "no suffix": 1}
    assert [file.format for file in found.files][3:5] == ["csv", "jsonl"]
    assert {file.argument for file in found.files} == {0}
    assert all(file.size == 1 for file in found.files)


def test_arguments_keep_their_order(tmp_path: Path) -> None:
    make(tmp_path, "b.txt", "a.txt", "f/c.txt")
    found = discover([tmp_path / "b.txt", str(tmp_path / "f"), tmp_path / "a.txt"])
    assert [(f.name, f.argument) for f in found.files] == [("b.txt", 0), ("c.txt", 1), ("a.txt", 2)]


def test_globs(tmp_path: Path) -> None:
    make(tmp_path, "x1/a.txt", "x2/a.txt", "x2/deep/b.txt", "y/c.txt", "x1/n.pdf", "[odd].txt")
    assert names(f"{tmp_path}/x*/*.txt") == ["x1/a.txt", "x2/a.txt"]
    assert names(f"{tmp_path}/x*") == ["x1/a.txt", "x2/a.txt", "x2/deep/b.txt"]
    assert names(f"{tmp_path}/**/*.txt") == [
        "[odd].txt", "x1/a.txt", "x2/a.txt", "x2/deep/b.txt", "y/c.txt",
    ]  # fmt: skip
    assert names(f"{tmp_path}/[odd].txt") == ["[odd].txt"]
    assert discover([f"{tmp_path}/x1/*"]).skipped == {".pdf": 1}
    with pytest.raises(InputError, match=r"the pattern .*\*\.csv matches no file"):
        discover([f"{tmp_path}/*.csv"])


def test_relative_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "x/a.txt", "b.txt")
    monkeypatch.chdir(tmp_path)
    assert names("*.txt") == ["b.txt"]
    assert names("**/*.txt") == ["b.txt", "x/a.txt"]


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    make(tmp_path, "p/q/a.txt", "r/q/a.txt", "s/b.txt", "p/c.txt")
    assert names(tmp_path / "p/q", tmp_path / "r/q", tmp_path / "s/b.txt") == [
        "p/q/a.txt", "r/q/a.txt", "b.txt",
    ]  # fmt: skip


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "b.txt")
    with pytest.raises(InputError, match=r"a\.txt is given twice, by arguments 1 and 2"):
        discover([tmp_path, f"{tmp_path}/./a.txt"])
    with pytest.raises(InputError, match="- is given twice"):
        discover(["-", "-"])


def test_what_is_not_there(tmp_path: Path) -> None:
    make(tmp_path, "a.pdf", "plain", "f/b.pdf")
    for argument, message in [
        ([], "no input given"),
        ([tmp_path / "no.txt"], "there is no file or folder .*no.txt; check the path"),
        ([tmp_path / "a.pdf"], r"has the unknown suffix \.pdf; it reads \.arc .*\.warc\.gz"),
        ([tmp_path / "plain"], r"has no suffix; it reads .*standard input \(-\)"),
        ([tmp_path / "f"], "folder .*f holds no file that dedup reads"),
    ]:
        with pytest.raises(InputError, match=message):
            discover(argument)


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        with open(raw, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    (found,) = discover([tmp_path]).files
    assert found.name == "caf\\xe9.txt"
    assert os.fsencode(found.target) == b"caf\xe9.txt"
    assert Path(found.path).read_text() == "x"


def test_a_missing_extra_names_the_pip_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.warc.gz")
    monkeypatch.setattr("dedup.io.inputs.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dedup-lsh\[crawl\]'"):
        discover([tmp_path])


def test_suffixes() -> None:
    assert format_of("a/b.C/x.JSONL.GZ") == ("jsonl", "gzip")
    assert format_of("x.warc.wet.gz") == ("warc", "gzip")
    assert format_of("x.warc.wat.gz") is None
    assert format_of("x.tar.zst") is None
    assert format_of("jsonl") is None
    assert format_of(".jsonl") == ("jsonl", None)
    assert {name for name, _ in known_suffixes().values()} == set(FORMATS) == set(TABLE)
    for name in (name for name, entry in TABLE.items() if not entry.extra):
        assert FORMATS[name] is FORMATS[name]
    with pytest.raises(KeyError):
        FORMATS["pdf"]


def test_discovery_imports_nothing_heavy() -> None:
    code = (
        "import sys, dedup.io.inputs, dedup.io.base, dedup.io.formats, dedup.io.filtered;"
        "print([m for m in ('numpy', 'pyarrow', 'click', 'fastwarc') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
