"""Text in twelve languages and scripts, alike in all but the language.

Articles of the sample crawl's grammars (`data/grammar`) give some thousand sentences a language;
documents of about 3 KB are drawn from them. A corpus is a function of the language, the size, the
seed and the numpy version alone.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa

LANGUAGES = {
    "English, ASCII": "en",
    "English, 1 % typographic": "en",
    "German": "de",
    "French": "fr",
    "Russian": "ru",
    "Greek": "el",
    "Arabic": "ar",
    "Hindi": "hi",
    "Thai": "th",
    "Chinese": "zh",
    "Japanese": "ja",
    "Korean": "ko",
}
"""Names to grammars; the first is what the others are compared with."""

ASCII, TYPOGRAPHIC = list(LANGUAGES)[:2]
ARTICLES = 600
SENTENCES = 12
DOCUMENT_BYTES = 3_000
#: What may stand for a space between two words: each holds one typographic character.
TYPOGRAPHY = (
    "\u00a0",
    " \u201c",
    "\u201d ",
    "\u2019s ",
    " \u2018",
    " \u2013 ",
    "\u2014",
    "\u2026 ",
)
TYPOGRAPHIC_SHARE = 0.01


def corpus(name: str, size_bytes: int, seed: int = 0) -> pa.Array:
    """Return documents of one of LANGUAGES, large_string, at least `size_bytes` in all."""
    rng = np.random.default_rng(seed)
    pool = sentences(LANGUAGES[name])
    joiner = sample_text().UNSPACED
    space = "" if LANGUAGES[name] in joiner else " "
    mean = np.mean([len(sentence.encode()) for sentence in pool])
    count = round(DOCUMENT_BYTES / mean)
    documents, size = [], 0
    while size < size_bytes:
        chosen = rng.integers(0, len(pool), count).tolist()
        document = space.join([pool[number] for number in chosen])
        if name == TYPOGRAPHIC:
            document = typographic(document, rng)
        documents.append(document)
        size += len(document.encode())
    return pa.array(documents, pa.large_string())


def typographic(text: str, rng: np.random.Generator) -> str:
    """Make one character in a hundred typographic, at the spaces of a text."""
    words = text.split(" ")
    count = round(TYPOGRAPHIC_SHARE * len(text))
    places = np.sort(rng.choice(np.arange(1, len(words)), count, replace=False)).tolist()
    kinds = rng.integers(0, len(TYPOGRAPHY), count).tolist()
    parts, done = [], 0
    for place, kind in zip(places, kinds, strict=True):
        parts += [" ".join(words[done:place]), TYPOGRAPHY[kind]]
        done = place
    return "".join([*parts, " ".join(words[done:])])


@cache
def sentences(language: str) -> list[str]:
    """Return the paragraphs of some hundred articles; those in English in ASCII alone."""
    writer = sample_text()
    genres = writer.load_grammar(language)["genres"]
    found = [
        paragraph
        for number in range(ARTICLES)
        for paragraph in writer.write_article(
            language, genres[number % len(genres)], f"{language}-{number}", SENTENCES
        ).paragraph_texts()
    ]
    return [text for text in found if language != "en" or text.isascii()]


@cache
def sample_text() -> ModuleType:
    """Import data/sample_text.py, a script's neighbour and in no package."""
    path = Path(__file__).parent.parent / "data" / "sample_text.py"
    spec = importlib.util.spec_from_file_location("sample_text", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sample_text"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
