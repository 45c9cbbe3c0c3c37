"""The input of a finished run: as it was, by its summary, and whether it still is that.

Positions mean nothing in a file that changed: who reads one again looks at its fingerprint first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedup.errors import InputError
from dedup.io.inputs import STDIN, InputFile
from dedup.io.places import is_remote, looked_up, opened
from dedup.output.folder import SUMMARY_FILE

if TYPE_CHECKING:
    from dedup.corpus import Listed
    from dedup.output.result import Result

_BLOCK = 1 << 16
_BLOCKS = 256
_BLOCKS_TOGETHER = 16


def describe_input(result: Result) -> list[dict[str, Any]]:
    """Return what `describe_files` does, and of each file a digest of all its records."""
    from dedup.io.records import whole_digest

    corpus = result.corpus
    bad = {file["name"]: file["detail"] for file in result.summary["input"]["bad_files"]}
    offsets = corpus.file_offsets.tolist()
    return [
        described | {"records_digest": whole_digest(corpus.record_digests[start:stop])}
        for described, start, stop in zip(
            describe_files(corpus, bad), offsets, offsets[1:], strict=False
        )
    ]


def describe_files(corpus: Listed, bad: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return name, path, size, fingerprint and rows of the files of an input, as JSON.

    Parameters
    ----------
    bad : name of a file that was left out -> why.
    """
    offsets = corpus.file_offsets.tolist()
    return [
        described_file(
            file,
            fingerprint=content_fingerprint(file.path)
            if file.path != STDIN and file.name not in bad
            else None,
            rows=stop - start,
            left_out=bad.get(file.name),
        )
        for file, start, stop in zip(corpus.files, offsets, offsets[1:], strict=False)
    ]


def described_file(
    file: InputFile,
    *,
    fingerprint: str | None,
    rows: int,
    left_out: str | None = None,
) -> dict[str, Any]:
    """Return what the summary says of one file, as JSON values."""
    return {
        "name": file.name,
        "path": _whole_path(file.path),
        "size": file.size,
        "fingerprint": fingerprint,
        "rows": rows,
        "left_out": left_out,
    }


def _whole_path(path: str) -> str:
    if is_remote(path):
        return str(path)
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def change_of(source: dict[str, Any], file: InputFile) -> str:
    """Say why a file cannot be read as the run read it, in a sentence; nothing where it can.

    Parameters
    ----------
    source : what the run said of it; see `describe_input`.
    """
    if source.get("left_out"):
        return ""
    if file.path == STDIN or source["fingerprint"] is None:
        return "standard input cannot be read again"
    name = source["name"]
    try:
        is_same = content_fingerprint(file.path) == source["fingerprint"]
    except FileNotFoundError:
        return f"{name} is no longer there"
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return "" if is_same else f"{name} changed since the run"


def check_same(sources: Sequence[dict[str, Any]], files: Sequence[InputFile]) -> None:
    """Raise InputError unless the files are those of a run, in its order and with its content.

    Parameters
    ----------
    sources : what the run said of its files; see `describe_input`.
    """
    before, now = [source["name"] for source in sources], [file.name for file in files]
    if before != now:
        gone = [name for name in before if name not in set(now)]
        new = [name for name in now if name not in set(before)]
        what = f"{gone[0]} is missing" if gone else f"{new[0]} is new" if new else "another order"
        raise InputError(
            f"the input is not that of the run ({what}); give the same arguments in the same order."
        )
    for change in map(change_of, sources, files):
        if change:
            raise InputError(f"{change}; give the input as the run read it, or run anew.")


def content_fingerprint(path: str) -> str:
    """Return XXH3, 128 bits, of a file's size and its bytes.

    Of a file above 16 MiB it takes 256 blocks of 64 KiB, evenly spread from the first to the last:
    a change of equal length between them is not seen.
    """
    import xxhash

    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        found = xxhash.xxh3_128(size.to_bytes(8, "little"))
        if size <= _BLOCK * _BLOCKS:
            while block := file.read(_BLOCK):
                found.update(block)
            return found.hexdigest()

    def blocks(first: int) -> bytes:
        with opened(path, _BLOCK) as file:
            read = []
            for number in range(first, first + _BLOCKS_TOGETHER):
                file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                read.append(file.read(_BLOCK))
            return b"".join(read)

    for some in looked_up(blocks, range(0, _BLOCKS, _BLOCKS_TOGETHER), [path]):
        found.update(some)
    return found.hexdigest()


def input_of(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a run said of its arguments and files; nothing where its folder does not tell."""
    try:
        found = json.loads((Path(folder) / SUMMARY_FILE).read_text(encoding="utf-8"))["input"]
        names = ("arguments", "sources", "bad_files", "skipped_files")
        return {name: found[name] for name in names if name in found}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
