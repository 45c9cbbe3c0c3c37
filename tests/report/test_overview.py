"""``dedup show`` and a result in a notebook: the truth, in the room there is, and nothing else."""

from __future__ import annotations

import json
import re
import tracemalloc
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from math import floor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.output.schema import clusters_schema
from dedup.report.cells import width
from dedup.report.overview import show
from dedup.report.overview_lines import overview_lines
from tests.worlds import world

ATTACKS = (
    "y" * 50_000,
    "\x1b]0;owned\x07\x1b[2J",
    "gpj.\u202eexe",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</table></div>\u2028",
    "漢" * 300,
    "e" + "\u0301" * 400,
    "&amp;\r\n\t",
    "👩\u200d👩\u200d👧" * 30,
)


def attacked() -> pa.Table:
    """Return two copies of a text for each attack, which stands in all ids and in a warning."""
    texts = [f"{'word ' * 20} {number}" for number in range(len(ATTACKS)) for _ in range(2)]
    ids = [attack + str(copy) for attack in ATTACKS for copy in range(2)]
    return pa.table({"id": ids, "text": texts})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("show") / "out"
    table = pa.table({"text": world(400, seed=3)})
    dedup.find_duplicates(table, threshold=0.6).write(out)
    return out


@pytest.mark.parametrize("top", [0, 1, 7, 10_000])
def test_the_largest_clusters_are_those_of_the_table(folder: Path, top: int) -> None:
    rows = pq.read_table(folder / "clusters.parquet").to_pylist()
    sizes = Counter(row["cluster_id"] for row in rows)
    expected = sorted(sizes, key=lambda cluster: (-sizes[cluster], cluster))[:top]
    found = show(folder, top).largest
    assert [cluster.cluster_id for cluster in found] == expected
    for cluster in found:
        others = [r for r in rows if r["cluster_id"] == cluster.cluster_id and not r["is_keeper"]]
        assert cluster.size == len(others) + 1
        assert cluster.keeper_id == others[0]["keeper_id"]
        assert cluster.least == min(row["jaccard"] for row in others)
        assert cluster.matches == Counter(row["match"] for row in others)


def test_json_says_the_same(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["show", str(folder), "--top", "3", "--json"])
    found = json.loads(done.output)
    assert found == json.loads(json.dumps(show(folder, 3).to_dict()))
    assert list(found) == ["config", "input", "search", "result", "warnings", "largest"]
    names = ["cluster_id", "size", "keeper_id", "source", "matches", "least"]
    assert [list(cluster) for cluster in found["largest"]] == [names] * 3


@pytest.mark.parametrize("columns", [1, 40, 60, 80, 120, 200])
def test_lines_fit_and_carry_no_controls(columns: int, tmp_path: Path) -> None:
    result = dedup.find_duplicates(attacked())
    result.summary["warnings"] += [f"the largest template is that of {one}" for one in ATTACKS]
    result.write(tmp_path / "out")
    lines = list(overview_lines(show(tmp_path / "out", 100), columns))
    assert len(lines) >= 2 * len(ATTACKS)
    assert all(width(line) <= max(columns, 40) for line in lines)
    kinds = {unicodedata.category(char) for line in lines for char in line if char != "\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_the_width_is_that_of_the_terminal(folder: Path) -> None:
    for columns in ("40", "200"):
        done = CliRunner().invoke(cli, ["show", str(folder)], env={"COLUMNS": columns})
        expected = list(overview_lines(show(folder), int(columns)))
        assert done.output.splitlines() == expected


def test_components_that_were_never_compared_have_no_similarity(tmp_path: Path) -> None:
    """The third of a chain has nothing measured with the first."""
    tokens = [f"t{i}" for i in range(60)]
    texts = [" ".join(tokens[start : start + 40]) for start in (0, 6, 12)]
    result = dedup.find_duplicates(pa.table({"text": texts}), threshold=0.6, linkage="components")
    result.write(tmp_path / "out")
    (cluster,) = show(tmp_path / "out").largest
    assert (cluster.size, cluster.matches) == (3, {"near": 2})
    rows = pq.read_table(tmp_path / "out" / "clusters.parquet")
    assert cluster.least == rows["jaccard"].to_pylist()[1]


def test_a_folder_without_results_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(dedup.InputError, match="holds no results; give the output of dedup run"):
        show(tmp_path)
    (tmp_path / "summary.json").write_text('{"format": "another"}')
    with pytest.raises(dedup.InputError, match="holds no results; give the output of dedup run"):
        show(tmp_path)
    (tmp_path / "summary.json").write_text('{"format": "dedup-summary-1"}')
    (tmp_path / "clusters.parquet").write_bytes(b"PAR1")
    with pytest.raises(dedup.InputError, match="cannot be read"):
        show(tmp_path)


def test_no_clusters_no_table(tmp_path: Path) -> None:
    dedup.find_duplicates(pa.table({"text": ["one two"]})).write(tmp_path / "out")
    lines = list(overview_lines(show(tmp_path / "out"), 80))
    assert not any("keeper" in line for line in lines)


def test_many_clusters_take_little_memory(folder: Path, tmp_path: Path) -> None:
    """200,000 clusters of four; the table itself would be 60 MB."""
    clusters, size = 200_000, 4
    rows = clusters * size
    first = np.repeat(np.arange(clusters) * size, size)
    schema = clusters_schema(pa.string())
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_bytes((folder / "summary.json").read_bytes())
    with pq.ParquetWriter(out / "clusters.parquet", schema) as writer:
        for start in range(0, rows, 100_000):
            block = slice(start, start + 100_000)
            ids = pa.array(
                [f"https://a.example/some/page/{i}" for i in range(start, start + 100_000)]
            )
            count = len(ids)
            writer.write_table(
                pa.Table.from_arrays(
                    [
                        ids,
                        pa.array(["a.jsonl"] * count).dictionary_encode(),
                        np.arange(start, start + count),
                        first[block],
                        np.full(count, size),
                        np.arange(start, start + count) % size == 0,
                        np.arange(start, start + count) % size != 0,
                        ids,
                        np.full(count, 0.9),
                        pa.array(["near"] * count).dictionary_encode(),
                    ],
                    schema=schema,
                )
            )
    pool, own = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    tracemalloc.start()
    pa.set_memory_pool(pool)
    try:
        found = show(out, 5)
    finally:
        pa.set_memory_pool(own)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [cluster.cluster_id for cluster in found.largest] == [0, 4, 8, 12, 16]
    assert peak < 10 << 20
    assert 0 < pool.max_memory() < 20 << 20


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))


def test_a_result_shows_itself_in_a_notebook() -> None:
    result = dedup.find_duplicates(attacked())
    result.summary["warnings"] += list(ATTACKS)
    html = result._repr_html_()
    parser = _Tags()
    parser.feed(html)
    known = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert {tag for tag, _ in parser.tags} <= known
    assert {name for _, names in parser.tags for name in names} <= {"style", "scope"}
    assert len(html) < 8_000
    assert "&lt;script&gt;" in html
    assert not re.search("[\x00-\x1f\u202e\u2028]", html)
    assert f"{len(ATTACKS):,}" in html


def test_the_least_similarity_in_a_notebook_is_that_of_the_table() -> None:
    texts = [" ".join(f"w{i}" if i != place else "x" for i in range(40)) for place in (99, 0, 20)]
    result = dedup.find_duplicates(pa.table({"text": texts}), threshold=0.7)
    values = result.clusters["jaccard"].to_pylist()
    assert sorted(values) == [31 / 41, 35 / 37, 1.0]
    assert f">{floor(31 / 41 * 1000) / 1000:.3f}<" in result._repr_html_()


def test_the_repr_is_one_line() -> None:
    result = dedup.find_duplicates(attacked())
    count = len(ATTACKS)
    assert repr(result) == (
        f"<Result: {2 * count} documents, {count} clusters, {count} duplicates (50.0%) "
        "at jaccard >= 0.8>"
    )
