"""Why two documents of a run are, or are not, in one cluster.

The reasons, in the order in which they are looked for:

========================  ===================================================================
``removed``               one of them is removed by the other
``spared``                one of them has the other as keeper, but `keep_best` lets it stay
``same keeper``           both have a third as keeper
``chain``                 one connected component, whatever they have in common
``no text``               one is null or blank: a duplicate of nothing
``too short``             one has fewer tokens than `min_tokens`
``no group``              one has no value of `within`
``other group``           they differ in `within`
``no tokens``             one has no token: such texts are duplicates only where they are equal
``below threshold``       the measure is below the threshold
``never compared``        at the threshold, but not candidates: what a recall below 1 misses
``other keeper``          at the threshold, but one has a keeper already, and only keepers remove
``order``                 one lies in the other, which comes after it in keeper order
``check``                 candidates at the threshold, but the run's own check refused pairs
``cap``                   candidates at the threshold, but the run skipped comparisons
``unknown``               what is here cannot have led to that run
========================  ===================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from dedup.config import Config
from dedup.report.cells import printable
from dedup.report.comparison import Comparison
from dedup.report.run_documents import RunDocument


@dataclass(frozen=True)
class Verdict:
    """Whether two documents are in one cluster, and why.

    Attributes
    ----------
    together : whether they are.
    reason : a key of the table above.
    text : the reason in sentences.
    """

    together: bool
    reason: str
    text: str


@dataclass(frozen=True)
class Case:
    """What is known of a pair of documents.

    Attributes
    ----------
    comparison : of their sets.
    documents : by position: the two, and their keepers.
    by_keeper : for left and right: the comparison of the other one with its keeper, where known.
    """

    left: RunDocument
    right: RunDocument
    comparison: Comparison
    documents: dict[int, RunDocument]
    by_keeper: tuple[Comparison | None, Comparison | None]
    config: Config
    summary: dict[str, Any]

    def verdict(self) -> Verdict:
        """Return why they are in one cluster, or not."""
        left, right = self.left, self.right
        if left.cluster_id is not None and left.cluster_id == right.cluster_id:
            return self._together()
        return self._excluded() or self._below() or self._missed()

    def _together(self) -> Verdict:
        left, right = self.left, self.right
        for one, other in ((left, right), (right, left)):
            if one.keeper != other.position:
                continue
            if one.is_removed:
                text = f"{_name(one)} is removed, and {_name(other)} is its keeper: {self._has}."
                return Verdict(True, "removed", text)
            text = f"{_name(other)} is the keeper of {_name(one)}: {self._has}. {self._spared(one)}"
            return Verdict(True, "spared", text)
        if self.config.linkage == "components":
            text = (
                f"both are in one connected component of verified pairs, of {left.cluster_size:,} "
                f"documents; they themselves have {self._has}."
            )
            if not self._reaches:
                text += " They are linked by others between them, and neither removes the other."
            return Verdict(True, "chain", text)
        text = f"both have the keeper {self._named(left.cluster_id)}, and {self._has}."
        spared = [self._spared(one) for one in (left, right) if not one.is_removed]
        return Verdict(True, "same keeper", " ".join([text, *spared]))

    def _spared(self, document: RunDocument) -> str:
        """Say why a document stays that has a keeper."""
        return f"{_name(document)} stays, by --keep-best {self.config.keep_best}."

    def _excluded(self) -> Verdict | None:
        """Say whether one of them was never to be compared, or only within its group."""
        config, sides = self.config, (self.left, self.right)
        for one in sides:
            compared = one.compared
            if compared is None:
                continue
            if not compared.has_text:
                return _no("no text", f"{_name(one)} has no text, so it is a duplicate of nothing.")
            if compared.num_tokens < config.min_tokens:
                return _no(
                    "too short",
                    f"{_name(one)} has {compared.num_tokens:,} tokens, fewer than --min-tokens "
                    f"{config.min_tokens:,}: it was left out, and kept.",
                )
        if config.within is not None:
            for one in sides:
                if one.group is None:
                    text = (
                        f"{_name(one)} has no {config.within}, and --within compares it with none."
                    )
                    return _no("no group", text)
            if self.left.group != self.right.group:
                values = " and ".join(printable(str(one.group)) for one in sides)
                text = f"they differ in --within {config.within}: {values}."
                return _no("other group", text)
        for one in sides:
            if one.compared is not None and not len(one.compared.shingles):
                text = f"{_name(one)} has no token, so it is a duplicate only of equal text."
                return _no("no tokens", text)
        return None

    def _below(self) -> Verdict | None:
        if self._reaches:
            return None
        threshold, found = self.config.threshold, self.comparison
        whole = min(found.left_shingles, found.right_shingles)
        if self.config.measure == "jaccard":
            # shared / (a + b - shared) >= t
            a_and_b = found.left_shingles + found.right_shingles
            needed = ceil(threshold * a_and_b / (1 + threshold))
        else:
            needed = ceil(threshold * whole)
        text = f"{self._has}, below the threshold {float(threshold):g}"
        if needed <= whole:
            text += f": they share {found.shared:,} shingles, and {needed:,} would do"
        else:
            text += ": their lengths alone rule it out"
        return _no("below threshold", text + ".")

    def _missed(self) -> Verdict:
        matched = [one for one in (self.left, self.right) if one.keeper is not None]
        if not self._is_candidate:
            text = f"{self._has}, but they were never compared: {self._no_candidate}."
            return _no("never compared", " ".join([text, *map(self._fate, matched)]))
        refused = self.summary["search"].get("refused_by_check")
        if refused:
            text = (
                f"{self._has}, and they are candidates, but the run's own check refused pairs "
                f"({refused:,} in all)."
            )
            return _no("check", " ".join([text, *map(self._fate, matched)]))
        if matched and self.config.linkage == "keeper":
            text = f"{self._has}, but only a keeper removes, the first one in keeper order."
            return _no("other keeper", " ".join([text, *map(self._fate, matched)]))
        skipped = self.summary["search"]["skipped_comparisons"]
        if skipped:
            text = (
                f"{self._has}, and they are candidates, but the run skipped {skipped:,} "
                f"comparisons at its cap (--max-comparisons {self.config.max_comparisons:,})."
            )
            return _no("cap", text)
        if self.config.measure == "containment" and self.config.linkage == "keeper":
            found = self.comparison
            inner, outer = self.left, self.right
            if found.left_containment < found.right_containment:
                inner, outer = outer, inner
            text = (
                f"{_name(inner)} lies in {_name(outer)}, which comes after it by --keep "
                f"{self.config.keep}: so both are kept. --keep largest removes it."
            )
            return _no("order", text)
        return _no("unknown", f"{self._has}, which does not fit that run; run anew.")

    def _fate(self, document: RunDocument) -> str:
        """Name the keeper of a document, and say how the other one stands to it."""
        is_left = document is self.left
        other = self.right if is_left else self.left
        with_other = self.by_keeper[0 if is_left else 1]
        text = f"{_name(document)} has the keeper {self._named(document.keeper)}"
        if with_other is not None:
            value = share_text(with_other.measured(self.config.measure))
            text += f", with which {_name(other)} has {self.config.measure} {value}"
        return text + "."

    @property
    def _reaches(self) -> bool:
        """Whether the measure reaches the threshold, exactly."""
        return self.comparison.measured(self.config.measure) >= self.config.threshold

    @property
    def _has(self) -> str:
        """The measure, in words."""
        if not self.comparison.union:
            return "equal texts without any token"
        return f"{self.config.measure} {share_text(self.comparison.measured(self.config.measure))}"

    @property
    def _is_candidate(self) -> bool:
        config = self.config
        if config.measure == "containment" or config.method == "exact":
            return True
        near = config.method != "minhash" and self.comparison.hamming <= config.max_hamming
        return near or (config.method != "simhash" and bool(self.comparison.collisions))

    @property
    def _no_candidate(self) -> str:
        found, reasons = self.comparison, []
        if self.config.method != "simhash":
            reasons.append(
                f"they share none of {found.bands} bands, which happens to "
                f"{percent(1 - found.candidate_probability)} of such pairs"
            )
        if self.config.method != "minhash":
            reasons.append(
                f"their fingerprints differ in {found.hamming} bits, more than --max-hamming "
                f"{self.config.max_hamming}"
            )
        return ", and ".join(reasons)

    def _named(self, position: int | None) -> str:
        document = None if position is None else self.documents.get(position)
        return f"@{position}" if document is None else _name(document)


def _no(reason: str, text: str) -> Verdict:
    return Verdict(False, reason, text)


def _name(document: RunDocument) -> str:
    return printable(str(document.doc_id))


def share_text(value: Fraction) -> str:
    """Return a share, cut and not rounded: none looks as if it reached the threshold."""
    return f"{int(value * 10_000) / 10_000:.4f}"


def percent(probability: float) -> str:
    """Return a probability of which only 0 and 1 themselves look like it."""
    if 0 < probability < 0.0001:
        return "under 0.01%"
    return "over 99.99%" if 0.9999 < probability < 1 else f"{probability:.2%}"
