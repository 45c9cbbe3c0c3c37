"""What vectors come in, and what of it cannot be compared."""

import mmap
import weakref
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.errors import ConfigError, InputError, OutputExistsError
from dedup.vectors import VectorConfig, find_duplicates
from dedup.vectors.reading import _joined, read_vectors
from tests.vectors.vector_worlds import background

_OPTIONS = {"threshold": 0.95, "functions": 1, "tables": 30}


def _world() -> np.ndarray:
    vectors = background("random", 40, 8).astype(np.float32)
    vectors[30:] = vectors[:10] * 2
    return vectors


def _table(vectors: np.ndarray, kind: pa.DataType | None = None) -> pa.Table:
    dim = vectors.shape[1]
    kind = kind or pa.list_(pa.float32(), dim)
    flat = pa.array(vectors.ravel()).cast(kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        lists = pa.FixedSizeListArray.from_arrays(flat, type=kind)
    else:
        offsets = pa.array(np.arange(0, vectors.size + 1, dim), pa.int32())
        lists = pa.ListArray.from_arrays(offsets, flat)
    ids = pa.array([f"v{i}" for i in range(len(vectors))])
    return pa.table({"id": ids, "embedding": lists})


def _links(result) -> list[tuple]:
    rows = result.pairs
    return list(
        zip(rows["left_position"].to_pylist(), rows["right_position"].to_pylist(), strict=True)
    )


_EXPECTED = [(i, 30 + i) for i in range(10)]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float16(), 8),
        pa.list_(pa.float32(), 8),
        pa.list_(pa.float64(), 8),
        pa.list_(pa.float32()),
    ],
    ids=str,
)
def test_lists_of_every_kind(kind):
    result = find_duplicates(_table(_world(), kind), **_OPTIONS)
    assert _links(result) == _EXPECTED
    assert result.pairs["left_id"].to_pylist()[:2] == ["v0", "v1"]
    # slices too, which share the buffers of the whole
    part = find_duplicates(_table(_world(), kind).slice(5), **_OPTIONS)
    assert _links(part) == [(i, 25 + i + 0) for i in range(0, 5)] or _links(part) == [
        (i - 5, 25 + i) for i in range(5, 10)
    ]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_arrays(kind):
    assert _links(find_duplicates(_world().astype(kind), **_OPTIONS)) == _EXPECTED


def test_whole_numbers_are_vectors_too():
    vectors = np.random.default_rng(0).integers(-120, 120, (50, 16)).astype(np.int8)
    vectors[40:] = vectors[:10]
    result = find_duplicates(vectors, measure="euclidean", threshold=0.5)
    assert _links(result) == [(i, 40 + i) for i in range(10)]


def test_values_of_float64_are_compared_as_such():
    """Two vectors that float32 cannot tell apart lie beyond a distance that small."""
    vectors = np.ones((2, 4))
    vectors[1, 0] += 1e-12
    near = find_duplicates(vectors, measure="euclidean", threshold=1e-11)
    assert near.pairs["distance"].to_pylist() == [pytest.approx(1e-12, rel=1e-3)]
    far = find_duplicates(vectors, measure="euclidean", threshold=1e-13)
    assert len(far.pairs) == 0


def test_files_of_every_format_in_one_run(tmp_path: Path):
    vectors = _world()
    paths = [tmp_path / name for name in ("a.parquet", "b.arrow", "c.npy")]
    pq.write_table(_table(vectors), paths[0], row_group_size=7)
    with ipc.new_file(paths[1], _table(vectors).schema) as writer:
        writer.write_table(_table(vectors), max_chunksize=9)
    np.save(paths[2], vectors)
    result = find_duplicates([str(path) for path in paths], threshold=0.95, **{"functions": 2})
    assert result.summary["result"]["kept"] == 30
    assert set(result.clusters["source"].to_pylist()) == {path.name for path in paths}
    assert result.clusters["cluster_size"].to_pylist()[0] == 6


def test_nothing_but_polars_needs_the_stream():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"embedding": _world().tolist()})
    assert _links(find_duplicates(frame, **_OPTIONS)) == _EXPECTED


def _spoiled() -> pa.Table:
    rows: list[list[float | None] | None] = _world().astype(float).tolist()
    rows[3] = None
    rows[7] = [1.0, 2.0]
    rows[12][2] = float("nan")
    rows[13][0] = float("-inf")
    rows[17] = [0.0] * 8
    rows[21][5] = None
    rows[22][5] = 1e30
    return pa.table({"embedding": pa.array(rows, pa.list_(pa.float64()))})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (3, "null"),
        (7, "of another dimension"),
        (12, "NaN or infinite"),
        (13, "NaN or infinite"),
        (17, "zero"),
        (21, "null"),
        (22, "too large"),
    ],
)
def test_each_kind_of_bad_vector_is_named_by_its_row(row, reason):
    world = pa.array(_world().astype(float).tolist())
    rows = world.to_pylist()
    rows[row] = _spoiled()["embedding"].to_pylist()[row]
    table = pa.table({"embedding": pa.array(rows, pa.list_(pa.float64()))})
    with pytest.raises(InputError, match=rf"row {row} .*{reason}.*--skip-bad"):
        find_duplicates(table, **_OPTIONS)


def test_bad_vectors_are_left_out_and_counted():
    result = find_duplicates(_spoiled(), skip_bad=True, **_OPTIONS)
    assert result.summary["input"]["excluded"] == {
        "null": 2,
        "of another dimension": 1,
        "NaN or infinite": 2,
        "too large": 1,
        "zero": 1,
    }
    assert _links(result) == [(i, 30 + i) for i in range(10) if i not in (3, 7)]
    assert result.summary["result"]["kept"] == 32


def test_many_bad_rows_are_counted_in_the_sentence():
    vectors = _world()
    vectors[5:25] = np.nan
    with pytest.raises(InputError, match=r"rows 5, 6, .*, 14 and 10 more"):
        find_duplicates(vectors, **_OPTIONS)


def test_zero_vectors_have_a_distance():
    vectors = _world()
    vectors[:2] = 0
    result = find_duplicates(vectors, measure="euclidean", threshold=0.1)
    assert (0, 1) in _links(result)


def test_files_of_other_dimensions_are_refused(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.ones((3, 4)))
    np.save(tmp_path / "b.npy", np.ones((3, 5)))
    with pytest.raises(InputError, match=r"b.npy has vectors of 5 dimensions, .* 4"):
        find_duplicates([tmp_path / "a.npy", tmp_path / "b.npy"])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.ones(5), "two dimensions"),
        (np.array([["a"]]), "two dimensions"),
        (np.zeros((0, 4), np.float32), "holds no vector"),
        (pa.table({"embedding": ["text"]}), "lists of numbers"),
        (pa.table({"other": [[1.0]]}), "no column 'embedding'"),
        ("nowhere.npy", "there is no file"),
        ("text.txt", "no file of vectors"),
        (object(), "holds no vectors"),
        (pa.table({"embedding": pa.array([None, []], pa.list_(pa.float32()))}), "has a value"),
    ],
    ids=range(9),
)
def test_what_holds_no_vectors(data, sentence):
    with pytest.raises(InputError, match=sentence):
        find_duplicates(data)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 1.5}, "up to 1"),
        ({"threshold": 0}, "above 0"),
        ({"measure": "euclidean", "threshold": -1}, "above 0"),
        ({"family": "stable"}, "cosine"),
        ({"measure": "euclidean", "threshold": 1, "family": "rotation"}, "give stable"),
        ({"width": 2.0}, "leave it out"),
        ({"measure": "manhattan"}, "cosine, euclidean"),
        ({"recall": 1.0}, "below 1"),
        ({"functions": 33}, "from 1 to 32"),
        ({"min_tables": None}, "from 1 to 2000"),
        ({"linkage": None}, "keeper, components"),
        ({"tables": 2, "min_tables": 3}, "no more"),
        ({"functions": 2, "probes": 3}, "no more"),
        ({"min_tables": 2, "probes": 1}, "leave one"),
        ({"keep": "longest"}, "max:COL"),
        ({"rotation_buckets": 7}, "even"),
        ({"nonsense": 1}, "no option"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        find_duplicates(_world(), **options)


def test_the_command_writes_what_the_library_finds(tmp_path: Path):
    pq.write_table(_table(_world()), tmp_path / "emb.parquet")
    out = tmp_path / "out"
    arguments = ["vectors", "run", str(tmp_path / "emb.parquet"), "-o", str(out)]
    run = CliRunner().invoke(cli, [*arguments, "--threshold", "0.95"])
    assert run.exit_code == 0, run.output
    assert "vectors of 8 dimensions" in run.output
    expected = find_duplicates(_table(_world()), threshold=0.95)
    clusters = pq.read_table(out / "clusters.parquet")
    assert clusters.drop(["source"]).equals(expected.clusters.drop(["source"]))
    assert pq.read_table(out / "pairs.parquet").equals(expected.pairs)
    again = CliRunner().invoke(cli, arguments)
    assert isinstance(again.exception, OutputExistsError)
    assert CliRunner().invoke(cli, [*arguments, "--overwrite", "-q"]).output == ""


def test_eval_and_show_read_the_results(tmp_path: Path):
    find_duplicates(_table(_world()), **_OPTIONS).write(tmp_path / "out")
    truth = pa.table(
        {"left": [f"v{i}" for i in range(10)], "right": [f"v{30 + i}" for i in range(10)]}
    )
    found = dedup.evaluate(tmp_path / "out", truth, pairs=("left", "right"))
    assert found["clusters"]["recall"] == found["clusters"]["precision"] == 1
    shown = CliRunner().invoke(cli, ["show", str(tmp_path / "out")])
    assert shown.exit_code == 0, shown.exception


def test_a_config_reads_back(tmp_path: Path):
    config = VectorConfig(threshold="0.9", seed=3)
    assert VectorConfig(**config.to_dict()) == config


def test_distances_are_evaluated_without_bands_of_similarity(tmp_path: Path):
    vectors = _world()
    vectors[30:] = vectors[:10] + np.float32(0.01)
    find_duplicates(_table(vectors), measure="euclidean", threshold=1.5).write(tmp_path / "out")
    truth = pa.table(
        {"left": [f"v{i}" for i in range(10)], "right": [f"v{30 + i}" for i in range(10)]}
    )
    found = dedup.evaluate(tmp_path / "out", truth, pairs=("left", "right"))
    assert found["clusters"]["recall"] == 1
    assert found["by_similarity"][-1]["low"] is None
    assert CliRunner().invoke(cli, ["show", str(tmp_path / "out")]).exit_code == 0


def test_a_file_of_numpy_is_mapped_and_left_as_it_is(tmp_path: Path):
    vectors = _world().astype(np.float32)
    vectors[[3, 8]] = np.nan
    path = tmp_path / "v.npy"
    np.save(path, vectors)
    before = path.read_bytes()
    config = VectorConfig(skip_bad=True)
    corpus = read_vectors(path, config)
    base = corpus.values
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, mmap.mmap)
    assert np.flatnonzero(~corpus.is_good).tolist() == [3, 8]
    assert not corpus.values[[3, 8]].any()
    assert path.read_bytes() == before
    again = vectors.copy()
    assert np.array_equal(read_vectors(vectors, config).values, corpus.values)
    assert np.array_equal(vectors, again, equal_nan=True)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f8", "<f2"])
def test_pieces_of_any_layout_are_put_together(order: str, kind: str, tmp_path: Path):
    vectors = _world() + np.float64(1e-12)
    parts = np.split(vectors, [10, 11, 30])
    for number, part in enumerate(parts):
        np.save(tmp_path / f"{number}.npy", np.asarray(part, kind, order=order))
    paths = [tmp_path / f"{number}.npy" for number in range(len(parts))]
    values = read_vectors(paths, VectorConfig()).values
    assert np.array_equal(values, vectors.astype(kind))
    alone = read_vectors(paths[-1], VectorConfig()).values
    assert np.array_equal(alone, parts[-1].astype(kind))
    assert alone.flags.c_contiguous


def test_pieces_are_let_go_as_they_are_copied():
    pieces = [np.full((5, 3), number, np.float32) for number in range(4)]
    seen = [weakref.ref(piece) for piece in pieces]
    values = _joined(pieces)
    assert np.array_equal(values[:, 0], np.repeat([0, 1, 2, 3], 5))
    assert [ref() for ref in seen] == [None] * 4
