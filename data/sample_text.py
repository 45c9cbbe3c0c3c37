"""Articles from small grammars: what the pages of the sample crawl say.

A grammar is a text file, ``grammar/<language>.txt``, of sections and their options, one a line:

- ``[name]`` opens a section; ``#`` starts a comment line.
- ``{name}`` stands for an option of a section; options take turns, so none repeats needlessly.
- ``{NAME}`` is a fact: chosen once an article. Its option may list forms (cases of a noun),
  separated by a slash between spaces; ``{NAME/2}`` is the second form.
- ``{3-9}`` is a number, ``{100-900:50}`` one in steps of 50; ``<one|other>`` a choice on the spot.

A sentence remembers which of its words were free choices, so that an edit can exchange one of
them and the sentence still reads well. Chance comes from ``random.Random(str).random()`` alone,
which Python promises to keep between versions.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

GRAMMARS = Path(__file__).parent / "grammar"
UNSPACED = frozenset({"ja", "zh"})  # sentences follow each other without a space
SLOT = re.compile(r"<([^<>]*)>|\{([^{}]*)\}")
NUMBER = re.compile(r"(\d+)-(\d+)(?::(\d+))?")
SENTENCES_PER_PARAGRAPH = 3

Item = TypeVar("Item")
Grammar = Mapping[str, Sequence[str]]


class Dice:
    """A seeded source of choices, the same on every Python version."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def below(self, stop: int) -> int:
        """Return an integer in ``[0, stop)``."""
        return int(self._random() * stop)

    def pick(self, options: Sequence[Item]) -> Item:
        """Return one of the options."""
        return options[self.below(len(options))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in a new order (Fisher-Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


@dataclass(frozen=True)
class Piece:
    """A few words of a sentence; `options` are the words that might stand there instead."""

    text: str
    options: tuple[str, ...] = ()


Sentence = tuple[Piece, ...]


@dataclass(frozen=True)
class Article:
    """A headline and its paragraphs, with the facts that hold throughout."""

    language: str
    genre: str
    title: Sentence
    paragraphs: tuple[tuple[Sentence, ...], ...]
    facts: Mapping[str, str]
    quoted: int = 0  # paragraphs after the first that quote another article

    @property
    def headline(self) -> str:
        """The title as text."""
        return spoken(self.title)

    def paragraph_texts(self) -> list[str]:
        """Return the paragraphs as text."""
        joiner = "" if self.language in UNSPACED else " "
        return [joiner.join(map(spoken, paragraph)) for paragraph in self.paragraphs]

    def sentences(self) -> list[Sentence]:
        """Return all sentences but the title."""
        return [sentence for paragraph in self.paragraphs for sentence in paragraph]


def spoken(sentence: Sentence) -> str:
    """Return the sentence as text, its first letter a capital where the script has any."""
    text = "".join(piece.text for piece in sentence)
    return text[:1].upper() + text[1:]


@cache
def load_grammar(language: str) -> Grammar:
    """Read ``grammar/<language>.txt``: section name to its options."""
    sections: dict[str, list[str]] = {}
    for line in (GRAMMARS / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            options = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            options.append(line)
    return sections


class Writer:
    """Writes the sentences of one article: keeps its facts, and which options had their turn."""

    def __init__(self, language: str, dice: Dice, facts: Mapping[str, str] | None = None) -> None:
        self.language = language
        self.grammar = load_grammar(language)
        self.dice = dice
        self.facts = dict(facts or {})
        self._turns: dict[str, list[str]] = {}

    def sentence(self, pattern: str) -> Sentence:
        """Fill the slots of a pattern."""
        return tuple(self._pieces(pattern))

    def sentence_of(self, section: str) -> Sentence:
        """Write one of the sentences of a section."""
        return self.sentence(self._next(section))

    def body(self, genre: str, count: int) -> list[Sentence]:
        """Write `count` sentences, each pattern at most once."""
        patterns = [*self.grammar[f"{genre}.body"], *self.grammar["any.body"]]
        return [self.sentence(pattern) for pattern in self.dice.shuffled(patterns)[:count]]

    def _next(self, section: str) -> str:
        """Return an option of the section that had no turn since all others had theirs."""
        turns = self._turns.setdefault(section, [])
        if not turns:
            turns.extend(self.dice.shuffled(self.grammar[section]))
        return turns.pop()

    def _pieces(self, pattern: str) -> Iterator[Piece]:
        end = 0
        for slot in SLOT.finditer(pattern):
            if slot.start() > end:
                yield Piece(pattern[end : slot.start()])
            end = slot.end()
            choice, name = slot.groups()
            if choice is not None:
                options = tuple(choice.split("|"))
                yield from self._filled(self.dice.pick(options), options)
            elif number := NUMBER.fullmatch(name):
                low, high, step = (int(part or 1) for part in number.groups())
                numbers = tuple(map(str, range(low, high + 1, step)))
                yield Piece(self.dice.pick(numbers), numbers)
            elif name.isupper() or "/" in name:
                yield Piece(self._fact(name))
            else:
                yield from self._filled(self._next(name), tuple(self.grammar[name]))
        if end < len(pattern):
            yield Piece(pattern[end:])

    def _filled(self, chosen: str, options: tuple[str, ...]) -> Iterator[Piece]:
        """Yield the chosen option; only one without slots of its own can be exchanged later."""
        if SLOT.search(chosen):
            yield from self._pieces(chosen)
        else:
            yield Piece(chosen, tuple(other for other in options if not SLOT.search(other)))

    def _fact(self, name: str) -> str:
        """Return a form of a fact, chosen at its first mention."""
        name, _, form = name.partition("/")
        if name not in self.facts:
            self.facts[name] = "".join(piece.text for piece in self._pieces(self._next(name)))
        return self.facts[name].split(" / ")[int(form or 1) - 1]


def write_article(language: str, genre: str, seed: str, num_sentences: int) -> Article:
    """Write an article: a title, an opening, `num_sentences` of body and a last line."""
    writer = Writer(language, Dice(seed))
    opening = writer.sentence_of(f"{genre}.lead")
    body = writer.body(genre, num_sentences)
    body.append(writer.sentence_of("any.end"))
    title = writer.sentence_of(f"{genre}.title")
    return Article(language, genre, title, ((opening,), *in_paragraphs(body)), writer.facts)


def in_paragraphs(sentences: Sequence[Sentence]) -> Iterator[tuple[Sentence, ...]]:
    """Yield paragraphs of a few sentences each."""
    for start in range(0, len(sentences), SENTENCES_PER_PARAGRAPH):
        yield tuple(sentences[start : start + SENTENCES_PER_PARAGRAPH])


def edit_lightly(article: Article, seed: str, num_edits: int) -> Article:
    """Exchange `num_edits` free choices (a word or two, or a number each)."""
    dice = Dice(seed)
    sentences = article.sentences()
    places = [
        (row, column)
        for row, sentence in enumerate(sentences)
        for column, piece in enumerate(sentence)
        if any(fits(option, piece, sentence) for option in piece.options)
    ]
    for row, column in dice.shuffled(places)[:num_edits]:
        sentence = sentences[row]
        piece = sentence[column]
        fitting = [option for option in piece.options if fits(option, piece, sentence)]
        edited = replace(piece, text=dice.pick(fitting))
        sentences[row] = (*sentence[:column], edited, *sentence[column + 1 :])
    edited_paragraphs = ((sentences[0],), *in_paragraphs(sentences[1:]))
    return replace(article, paragraphs=edited_paragraphs)


def fits(option: str, piece: Piece, sentence: Sentence) -> bool:
    """Tell whether an option is about as long as the piece and new to the sentence."""
    return abs(len(option) - len(piece.text)) < 12 and all(option != part.text for part in sentence)


def edit_heavily(article: Article, seed: str, share: float) -> Article:
    """Keep about `share` of the sentences, in a new order among fresh ones on the same facts."""
    dice = Dice(seed)
    writer = Writer(article.language, dice, article.facts)
    opening, *body = article.sentences()
    fresh = writer.body(article.genre, len(body))
    kept = dice.shuffled(body)[: round(share * len(body))]
    mixed = dice.shuffled([*kept, *fresh[len(kept) :]])
    title = writer.sentence_of(f"{article.genre}.title")
    return replace(article, title=title, paragraphs=((opening,), *in_paragraphs(mixed)))


def comment_on(article: Article, seed: str, num_quoted: int) -> Article:
    """Write another paper's comment that quotes `num_quoted` paragraphs of the article."""
    dice = Dice(seed)
    writer = Writer(article.language, dice)
    opening = writer.sentence_of("comment.lead")
    quotation = article.paragraphs[:num_quoted]
    remarks = [
        writer.sentence(pattern)
        for pattern in writer.grammar["comment.body"]  # in order: the first ends the quotation
    ]
    return Article(
        article.language,
        "comment",
        writer.sentence_of("comment.title"),
        ((opening,), *quotation, *in_paragraphs(remarks)),
        writer.facts,
        quoted=num_quoted,
    )


@dataclass(frozen=True)
class Table:
    """A page of a series that looks alike: sentences around a table."""

    title: str
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    closing: str


def write_table(series: str, seed: str) -> Table:
    """Fill the form ``grammar/series-<series>.txt`` with new facts and figures."""
    writer = Writer(f"series-{series}", Dice(seed))

    def filled(section: str) -> Iterator[str]:
        for pattern in writer.grammar[section]:
            yield spoken(writer.sentence(pattern))

    (title,) = filled("title")
    paragraphs = tuple(filled("paragraph"))
    rows = tuple(tuple(row.split(" | ")) for row in filled("row"))
    (closing,) = filled("closing")
    return Table(title, paragraphs, rows, closing)
