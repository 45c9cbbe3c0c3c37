"""The shipped tables against Python's own data, as far as that is Unicode 14.0."""

import unicodedata

import numpy as np
import pytest

from dedup.text import unicode
from dedup.text.canonical import canonical_utf8
from dedup.text.folding import fold, fold_canonical
from dedup.text.unicode import NUM_CODE_POINTS, tables
from tests import reference

CODES = [code for code in range(NUM_CODE_POINTS) if not 0xD800 <= code < 0xE000]
CLASS_NAMES = {
    unicode.SEPARATOR: reference.SEPARATOR,
    unicode.SPACED: reference.SPACED,
    unicode.UNSPACED: reference.UNSPACED,
    unicode.MARK: reference.SPACED,
    unicode.UNSPACED_MARK: reference.UNSPACED,
}


def test_every_class_is_the_one_of_the_definition():
    classes = tables().classes.tolist()
    assert [
        code for code in CODES if CLASS_NAMES[classes[code]] != reference.class_of(chr(code))
    ] == []
    marks = [code for code in CODES if classes[code] in (unicode.MARK, unicode.UNSPACED_MARK)]
    assert marks == [code for code in CODES if reference.is_mark(chr(code))]


@pytest.mark.skipif(
    unicodedata.unidata_version != unicode.VERSION, reason="another Unicode version"
)
def test_assigned_is_what_python_with_the_same_version_says():
    categories = [unicodedata.category(chr(code)) for code in range(NUM_CODE_POINTS)]
    assert tables().assigned.tolist() == [category != "Cn" for category in categories]


def test_code_points_unassigned_in_14_are_inert_separators():
    young = ~tables().assigned
    assert not tables().classes[young].any()
    assert not tables().actions[young].any()
    assert not tables().combining[young].any()
    assert young[[0x10EFD, 0x11F02, 0x1E030, 0x2EBF0]].all()  # since 15.0 and 15.1
    assert not young[[0x9FFF, 0x1FAE7, 0x2B738]].any()  # since 14.0


def test_combining_classes_are_pythons():
    combining = tables().combining.tolist()
    assigned = tables().assigned.tolist()
    assert [
        code
        for code in CODES
        if assigned[code] and combining[code] != unicodedata.combining(chr(code))
    ] == []


def test_every_form_is_the_canonical_text_of_its_code_point():
    table = tables()
    wrong = []
    for code in CODES:
        action = table.actions[code]
        expected = reference.canonical_text(chr(code)).encode()
        if action == unicode.REPLACE:
            form = table.form_index[code]
            start, stop = table.form_starts[form], table.form_starts[form + 1]
            if table.form_bytes[start:stop].tobytes() != expected:
                wrong.append(code)
        elif action != unicode.NORMALIZE and expected != chr(code).encode():
            wrong.append(code)
    assert wrong == []


def test_whatever_composes_with_what_is_before_it_is_marked_so():
    actions = tables().actions
    for code in CODES:
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and tables().assigned[code]:
            first, second = (int(part, 16) for part in parts)
            if unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(code):
                assert actions[second] == unicode.COMPOSE
    assert (actions[[*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]] == unicode.COMPOSE).all()


def test_tables_are_loaded_only_for_text_beyond_ascii_and_cannot_be_changed():
    tables.cache_clear()
    data, offsets = np.frombuffer(b"plain", np.uint8), np.array([0, 5])
    canonical_utf8(data, offsets)
    fold(data, offsets)
    fold_canonical(data, offsets)
    assert tables.cache_info().currsize == 0
    with pytest.raises(ValueError, match="read-only"):
        tables().classes[0] = 1
