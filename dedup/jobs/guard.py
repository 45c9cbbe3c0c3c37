"""The guard before anything is filtered: what would be removed, and whether that is too much.

It reads the summary alone, so that it is the same in a run and in what filters after it.
"""

from __future__ import annotations

from typing import Any

from dedup.errors import DedupError


def removal_tables(removal: dict[str, Any]) -> str:
    """Return two tables of at most ten rows as text: by group, and the largest clusters.

    Parameters
    ----------
    removal : as in the summary.
    """
    from dedup.report.cells import printable

    lines = [f"removed  documents  {printable(removal['column'])}"]
    lines += [
        f"{group['removed']:>7,}  {group['documents']:>9,}  {printable(group['name'])}"
        for group in removal["groups"]
    ]
    lines.append("removed  keeper")
    lines += [
        f"{keeper['removed']:>7,}  {printable(keeper['id'])}" for keeper in removal["keepers"]
    ]
    return "\n".join(lines)


def refusal(
    summary: dict[str, Any], max_removal: float, max_removal_host: float | None, written: str
) -> DedupError | None:
    """Return the error of filtering more than the user thinks possible; None where it is less.

    Parameters
    ----------
    max_removal : share of all documents.
    max_removal_host : share of any one group of `removal.LEAST_DOCUMENTS` or more; None for any.
    written : what was written nevertheless, for the message.
    """
    share = summary["result"]["removed_share"]
    removal = summary.get("removal")  # of texts
    highest = removal["highest"] if removal is not None else None
    if share > max_removal:
        what, option, limit = "the documents", "--max-removal", max_removal
    elif (
        max_removal_host is not None
        and highest is not None
        and highest["removed"] > max_removal_host * highest["documents"]
    ):
        share = highest["removed"] / highest["documents"]
        what = f"the {highest['documents']:,} documents of {highest['name']}"
        option, limit = "--max-removal-host", max_removal_host
    else:
        return None
    error = DedupError(
        f"{share:.1%} of {what} would be removed, more than {option} {limit:g}; {written}: look at "
        "what would go, then raise it."
    )
    if removal is not None:
        error.add_note(removal_tables(removal))
    return error
