"""The command that does a run again: its options, and its input as the user named it.

Only options that differ from their defaults stand in it, and none that cannot change a result. No
path of this machine stands in it but what the user passed; credentials in an address go.
"""

from __future__ import annotations

import shlex
from typing import Any

from dedup.config import Config
from dedup.io.remote import is_uri, shown_uri
from dedup.output.folder import of_vectors
from dedup.vectors.config import VectorConfig

_FREE = frozenset({"workers", "memory", "max_removal", "max_removal_host"})
MOST_INPUTS = 100
"""Arguments that a command has; more are left to the reader."""


def commands_of(summary: dict[str, Any]) -> list[str]:
    """Return the commands that reproduce a run, one after the other."""
    sketched = summary.get("reclustered", {}).get("sketched_with")
    inputs = _inputs(summary)
    if of_vectors(summary):
        options = _options(summary["config"], VectorConfig().to_dict())
        return [_line(["dedup", "vectors", "run", *inputs, "-o", "OUT", *options])]
    if sketched is None:
        return [_line(["dedup", "run", *inputs, "-o", "OUT", *_options(summary["config"], {})])]
    run = ["dedup", "run", *inputs, "-o", "OUT", *_options(sketched, {}), "--keep-evidence"]
    return [
        _line(run),
        _line(["dedup", "recluster", "OUT", *_options(summary["config"], sketched)]),
    ]


def _inputs(summary: dict[str, Any]) -> list[str]:
    """Return the arguments of the run; the names of its files where it did not keep them."""
    given = summary["input"].get("arguments")
    if given is None:
        given = [source["name"] for source in summary["input"].get("sources", ())]
    if not given or len(given) > MOST_INPUTS:
        return ["INPUT..."]
    public = [shown_uri(name) if is_uri(name) else name for name in given]
    named = ["-" if name == "stdin" else name for name in public]
    return ["./" + name if name.startswith("-") and name != "-" else name for name in named]


def _options(config: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Return the options of `config` that differ from `before`, or from the defaults."""
    defaults = Config().to_dict() | before
    found = []
    for name, value in config.items():
        if name in _FREE or name not in defaults or value == defaults[name] or value is None:
            continue
        option = "--" + name.replace("_", "-")
        found += [option] if value is True else [option, str(value)]
    return found


def _line(words: list[str]) -> str:
    return " ".join(word if word == "INPUT..." else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    """Quote a word for a shell; one with characters that do not print, for bash and zsh."""
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if c.isprintable() else _escape(c) for c in escaped) + "'"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"
