"""The Spark engine never brings to the driver what grows with the corpus, and never draws lots."""

from __future__ import annotations

import ast
from pathlib import Path

import dedup.spark
from dedup.engines import spark

DRAWS_LOTS = {
    "first",
    "first_value",
    "any_value",
    "head",
    "take",
    "rand",
    "randn",
    "shuffle",
    "sample",
    "randomSplit",
    "uuid",
    "monotonically_increasing_id",
    "zipWithIndex",
    "zipWithUniqueId",
    "dropDuplicates",
}
"""What they give depends on how rows are spread over tasks."""

BRINGS_ALL = {"toPandas", "toLocalIterator", "toJSON", "cache", "persist", "localCheckpoint"}
"""Beside `collect` and `toArrow`; what executors hold goes with them."""

FEW_ROWS = {
    "placed": "one for each partition",
    "collapsed": "at most DRIVER_BYTES",
    "_listed_here": "at most DRIVER_BYTES",
    "_compared": "no more than the pairs that the driver has listed",
    "warnings_of_ids": "hashes, at most DRIVER_BYTES; else one",
    "pass_files": "one for each file",
    "removal": "eleven at the most",
    "_keepers": "ten at the most",
    "_stars": "one",
    "one_row": "one",
    "skipped_facts": "ten at the most",
    "_commonest": "one",
    "_bad": "one for each reason, and ten at the most",
    "drawn_contents": "4,096 at the most",
    "_is_ours": "one",
    "collected": "at most DRIVER_EDGES edges",
}
"""Functions that collect, and how many rows."""


def calls() -> list[tuple[str, str]]:
    """Return the name of every method that is called, and of the function around it."""
    found = []
    for path in [*Path(spark.__path__[0]).glob("*.py"), Path(dedup.spark.__file__)]:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            found += [
                (node.func.attr, function.name)
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            ]
    return found


def test_nothing_depends_on_how_rows_are_spread() -> None:
    names = {name for name, _ in calls()}
    assert "repartition" in names  # calls are found at all
    assert not names & DRAWS_LOTS


def test_only_few_rows_come_to_the_driver() -> None:
    assert not {name for name, _ in calls()} & BRINGS_ALL
    assert {place for name, place in calls() if name in ("collect", "toArrow")} == set(FEW_ROWS)
