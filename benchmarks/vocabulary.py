"""A vocabulary of plausible word forms, with frequencies as in natural text.

60,000 forms built from syllables: the frequent are short, the rare are long, and one in 250 of them
has an accented letter, so that about a third of the documents are not plain ASCII. Rank r has a
frequency proportional to 1/(r + 2.7)**1.07 (Zipf-Mandelbrot), so the commonest word makes about 4 %
of a text and half of the vocabulary is rare.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Repeats are weights.
ONSETS = "t t s s r r n n d d l l m p c b f g h v w k st tr pr gr br pl sh ch th"
NUCLEI = "e e e a a a i i i o o u ea ou ai io"
CODAS = "n n n r r r s s t t l m d nd st ng"
OPEN_SYLLABLES = 12  # against as many closed ones as CODAS has
ACCENTS = str.maketrans({"e": "é", "o": "ö", "u": "ü", "n": "ñ", "a": "à"})
#: What may follow a word: the four columns of ``Vocabulary.forms``.
PLAIN, COMMA, STOP, PARAGRAPH = range(4)
ENDINGS = (" ", ", ", ". ", ".\n\n")


@dataclass(frozen=True)
class Vocabulary:
    """Word forms by rank, and how often each occurs.

    Attributes
    ----------
    forms : object (str), shape (2, 4, size); lower and capitalised, each with the four endings.
    cumulative : float64, shape (size,); running sum of the frequencies, the last is 1.
    """

    forms: NDArray[np.object_]
    cumulative: NDArray[np.float64]

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Draw ``count`` ranks by frequency."""
        return np.searchsorted(self.cumulative, rng.random(count), side="right")


def zipf_cumulative(size: int, exponent: float = 1.07, shift: float = 2.7) -> NDArray[np.float64]:
    """Return the running sum of Zipf-Mandelbrot frequencies, float64, shape (size,)."""
    total = np.cumsum((np.arange(1, size + 1) + shift) ** -exponent)
    scaled: NDArray[np.float64] = total / total[-1]
    return scaled


def make_vocabulary(seed: int, size: int = 60_000) -> Vocabulary:
    """Build ``size`` distinct word forms, the shorter ones first among the frequent."""
    rng = np.random.default_rng(seed)
    onsets = [*ONSETS.split(), *[""] * 4]
    nuclei = NUCLEI.split()
    codas = [*CODAS.split(), *[""] * OPEN_SYLLABLES]
    seen: dict[str, None] = {}
    while len(seen) < size:
        # One syllable for the commonest, two and more for the others.
        syllables = 1 + int(len(seen) > 150) + int(len(seen) > 4_000 and rng.random() < 0.6)
        picks = zip(
            rng.integers(0, len(onsets), syllables),
            rng.integers(0, len(nuclei), syllables),
            rng.integers(0, len(codas), syllables),
            strict=True,
        )
        word = "".join(onsets[a] + nuclei[b] + codas[c] for a, b, c in picks)
        if len(seen) > 2_000 and rng.random() < 1 / 250:
            word = word[:-2] + word[-2:].translate(ACCENTS)
        seen.setdefault(word)
    lower = list(seen)
    cased = (lower, [word.capitalize() for word in lower])
    forms = np.array(
        [[[word + end for word in words] for end in ENDINGS] for words in cased], dtype=object
    )
    return Vocabulary(forms, zipf_cumulative(size))
