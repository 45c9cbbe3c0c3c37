"""The guard: what would go is shown by host or file and by keeper; too much of it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.cli import cli
from dedup.output.removal import LEAST_DOCUMENTS, largest


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Twelve documents of two hosts, of which eight are copies."""
    texts = [" ".join(f"{name}{i}" for i in range(20)) for name in "abcc" for _ in range(3)]
    hosts = ["x.org"] * 3 + ["y.org"] * 9
    names = [f"d{i}" for i in range(12)]
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": names, "text": texts, "host": hosts}), path)
    return path


@pytest.mark.parametrize("within", [None, "host"])
def test_a_refusal_shows_who_would_lose_most(
    path: Path, tmp_path: Path, within: str | None
) -> None:
    config = dedup.Config(max_removal=0.5, within=within)
    with pytest.raises(dedup.DedupError, match="--max-removal") as caught:
        dedup.run([path], tmp_path / "out", config, kept=tmp_path / "kept")
    rows = [line.split() for line in caught.value.__notes__[0].splitlines()]
    groups = [["7", "9", "y.org"], ["2", "3", "x.org"]] if within else [["9", "12", "in.parquet"]]
    assert rows[0] == ["removed", "documents", within or "file"]
    assert rows[1 : 1 + len(groups)] == groups
    assert rows[1 + len(groups) :] == [["removed", "keeper"], ["5", "d6"], ["2", "d0"], ["2", "d3"]]
    assert not (tmp_path / "kept").exists()
    assert "only the tables were written" in str(caught.value)
    assert (tmp_path / "out" / "clusters.parquet").exists()


def test_nothing_is_written_over(path: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    dedup.run([path], out, dedup.Config(threshold="1"), kept=kept)
    before = tree(tmp_path)
    with pytest.raises(dedup.DedupError, match=r"nothing was written, and .* is as it was"):
        dedup.run([path], out, dedup.Config(max_removal=0.5), kept=kept, overwrite=True)
    assert tree(tmp_path) == before


def test_a_dry_run_shows_the_same(path: Path) -> None:
    done = CliRunner().invoke(cli, ["run", str(path), "--dry-run", "--within", "host"])
    assert done.exit_code == 0
    rows = [line.split() for line in done.output.splitlines()]
    start = rows.index(["removed", "documents", "host"])
    assert rows[start + 1 : start + 3] == [["7", "9", "y.org"], ["2", "3", "x.org"]]
    assert rows[start + 3 :][1] == ["5", "d6"]


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Hosts of which all, half or none of the documents are copies of a page of one more host."""
    texts, names = [], []
    for name, copies, count in (
        ("small.org", LEAST_DOCUMENTS - 1, LEAST_DOCUMENTS - 1),
        ("large.org", LEAST_DOCUMENTS // 2, LEAST_DOCUMENTS),
        ("other.org", 0, 3 * LEAST_DOCUMENTS),
    ):
        for i in range(count):
            text = f"{name} {i} " * 9
            texts.append("the page that all of them have, again and again" if i < copies else text)
            names.append(name)
    path = tmp_path / "in.parquet"
    pq.write_table(
        pa.table({"text": ["the page that all of them have, again and again", *texts],
                  "host": ["first.org", *names]}),
        path,
    )  # fmt: skip
    return path


def test_the_share_of_a_host(hosts: Path, tmp_path: Path) -> None:
    """A small host may lose all it has; of the others none more than the share."""
    for limit, is_refused in ((None, False), (0.5, False), (0.49, True)):
        config = dedup.Config(keep="min:host", max_removal_host=limit)
        folders: dict[str, Any] = {"kept": tmp_path / f"kept{limit}"}
        if is_refused:
            with pytest.raises(dedup.DedupError) as caught:
                dedup.run([hosts], tmp_path / f"out{limit}", config, **folders)
            assert str(caught.value).startswith(
                "50.0% of the 100 documents of large.org would be removed, more than "
                "--max-removal-host 0.49;"
            )
            assert "99         99  small.org" in caught.value.__notes__[0]
        else:
            dedup.run([hosts], tmp_path / f"out{limit}", config, **folders)
    with pytest.raises(dedup.ConfigError, match="max_removal_host is 2"):
        dedup.Config(max_removal_host=2)


def test_filtering_later_has_the_guard_too(hosts: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    config = dedup.Config(keep="min:host", max_removal=0.1)
    result = dedup.run([hosts], out, config)
    with pytest.raises(
        dedup.DedupError, match=r"29\.\d% .*--max-removal 0\.1; nothing was writ"
    ) as it:
        dedup.filter_files(out, [hosts], kept=kept)
    assert "small.org" in it.value.__notes__[0]
    with pytest.raises(dedup.DedupError, match=r"large\.org .*--max-removal-host 0\.4"):
        dedup.filter_files(out, [hosts], kept=kept, max_removal=0.9, max_removal_host=0.4)
    assert not kept.exists()
    arguments = ["filter", str(out), str(hosts), "--kept", str(kept), "--max-removal", "0.3"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert pq.read_metadata(kept / "in.parquet").num_rows == result.summary["result"]["kept"]
    # What is removed may be looked at without more ado.
    assert dedup.filter_files(out, [hosts], removed=tmp_path / "removed")


@given(st.lists(st.integers(0, 6), max_size=60))
def test_thelargest_come_first_and_of_equal_ones_the_first(counts: list[int]) -> None:
    expected = sorted((at for at, n in enumerate(counts) if n), key=lambda at: (-counts[at], at))
    assert largest(np.array(counts, np.int64)).tolist() == expected[:10]
