"""Normalised URLs: variants of one page meet, other pages do not."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import find_duplicates
from dedup.output import variants
from dedup.urls import (
    VARIANTS,
    canonical_url,
    link_header_canonical,
    normalised,
    variant_kinds,
)

SAME = [
    "http://example.org/a?b=1&c=2",
    "https://example.org/a?b=1&c=2",
    "HTTPS://WWW.Example.ORG/a?b=1&c=2",
    "http://example.org:80/a?b=1&c=2",
    "https://example.org:443/a?c=2&b=1",
    "https://example.org/a/?b=1&c=2#top",
    "https://example.org/a?utm_source=x&b=1&c=2&UTM_Medium=y",
    "https://example.org/a?gclid=1&b=1&fbclid=2&c=2&",
    "//example.org/a?b=1&c=2",
]
OTHER = [
    "http://example.org/A?b=1&c=2",
    "http://example.org/a?b=1",
    "http://example.org/a?b=1&c=2&utm=3",
    "http://example.org/a?b=1&c=2&id=gclid",
    "http://example.org:8080/a?b=1&c=2",
    "https://example.org:80/a?b=1&c=2",
    "http://en.example.org/a?b=1&c=2",
    "http://example.org/a/b?b=1&c=2",
    "http://www2.example.org/a?b=1&c=2",
]


@pytest.mark.parametrize("url", SAME)
def test_variants_are_one(url: str) -> None:
    assert normalised(url) == "//example.org/a?b=1&c=2"


def test_other_pages_stay_apart() -> None:
    assert len({normalised(url) for url in [SAME[0], *OTHER]}) == 1 + len(OTHER)


@pytest.mark.parametrize("text", ["", "a.org", "dns:a.org", "http://", "http://[::1", "urn:x:y"])
def test_what_is_no_url_stays_as_it_is(text: str) -> None:
    assert normalised(text) == text


PIECES = st.sampled_from(
    [
        *("http:", "https:", "//", "/", "www.", "a.org", ":80", ":443", "?", "&", "utm_x=1", "b=2"),
        *("#", "@", ":", " ", "[", "]", "%00", "\t", "ä", "\u2100", "\ud800"),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join)))
def test_any_text_is_taken_and_a_second_time_changes_nothing(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


def test_the_summary_counts_what_went_for_a_variant_of_its_url() -> None:
    text = " ".join(f"word{i}" for i in range(30))
    urls = ["http://www.a.org/", "https://a.org", "https://b.org", None, "http://b.org/?gclid=1"]
    table = pa.table({"text": [text] * 5, "url": urls})
    result = find_duplicates(table, keep="shortest-url")
    assert result.clusters["position"].to_pylist()[0] == 1  # https before http
    assert result.summary["result"]["removed_url_variants"] == 1
    assert "removed_url_variants" not in find_duplicates(table).summary["result"]


PAGE = "http://a.org/shop/page?id=1"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("http://a.org/other", "http://a.org/other"),
        ("  https://A.org:443 \n", "https://a.org/"),
        ("/x#part", "http://a.org/x"),
        ("other?b=2", "http://a.org/shop/other?b=2"),
        ("//b.org/y", "http://b.org/y"),
        ("HTTP://A.ORG:80/shop/page?id=1#top", PAGE),
        ("?id=1", PAGE),
        ("#top", PAGE),
        ("", None),
        ("  ", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("mailto:a@a.org", None),
        ("file:///etc/passwd", None),
        ("http://[::1", None),
        ("/" + "x" * 5_000, None),
        ("http://a.org/" + "x" * (1 << 20), None),
    ],
)
def test_canonical_links_in_any_shape(link: str, expected: str | None) -> None:
    assert canonical_url(link, PAGE, PAGE) == expected


@given(st.text(max_size=40), st.sampled_from([PAGE, "", "http://[", "urn:x", "http://a.org:x/"]))
def test_no_canonical_link_is_an_error(link: str, url: str) -> None:
    found = canonical_url(link, url, url)
    assert found is None or found == url or found.startswith(("http://", "https://"))
    assert found is None or canonical_url(found, found, found) == found


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<http://a.org/x>; rel="canonical"', "http://a.org/x"),
        ("<http://a.org/x>; rel=canonical", "http://a.org/x"),
        ("<a>; rel=next, <b>; title=t; REL = Canonical", "b"),
        ('<a>; rel="next canonical"', "a"),
        ("<a>; rel=canonicals", None),
        ("<a>; title=canonical", None),
        ("<a", None),
        ("", None),
        ("<" * 1_000_000, None),
        ("<a>" * 1_000_000, None),
        ("<a>; rel =" * 100_000, None),
    ],
)
def test_canonical_links_in_headers(header: str, expected: str | None) -> None:
    assert link_header_canonical(header) == expected


@pytest.mark.parametrize(
    ("url", "other", "expected"),
    [
        ("http://a.org/", "http://a.org/", ["same"]),
        ("http://a.org/", "https://a.org/", ["scheme"]),
        ("http://a.org/", "http://WWW.a.org/", ["www"]),
        ("http://a.org/?utm_a=1&b=2", "http://a.org?b=2&gclid=3", ["tracking"]),
        ("http://a.org/?utm_a=1&b=2", "http://a.org?b=2&UTM_a=1", ["tracking"]),
        ("http://a.org/?b=2&utm_a=1", "http://a.org?utm_a=1&b=2", ["other"]),
        ("http://a.org/x/", "http://a.org:80/x#top", ["other"]),
        ("https://u@www.a.org/?gclid=1", "http://a.org", ["scheme", "www", "tracking"]),
        ("http://a.org/x", "http://a.org/y", []),
        ("not a URL", "no URL either", []),
    ],
)
def test_in_what_variants_differ(url: str, other: str, expected: list[str]) -> None:
    assert variant_kinds(url, other) == expected
    assert variant_kinds(other, url) == expected


@given(st.lists(PIECES, max_size=12).map("".join), st.lists(PIECES, max_size=12).map("".join))
def test_any_two_texts_are_variants_or_not(url: str, other: str) -> None:
    found = variant_kinds(url, other)
    assert bool(found) == (normalised(url) == normalised(other))
    assert set(found) <= set(VARIANTS)


def test_the_summary_names_variants_by_the_keepers_that_have_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(variants, "_TOGETHER", 7)
    texts, urls = [], []
    for site in range(12):
        page = " ".join(f"site{site}word{i}" for i in range(30))
        for number in range(site + 1):
            texts.append(page)
            urls.append(f"http://{site}.org/?utm_x={number}" if number else f"https://{site}.org/")
        texts.append(page)
        urls.append(f"http://other.org/{site}")
    table = pa.table({"text": texts, "url": urls})
    result = find_duplicates(table, keep="first", within="url", threshold=0.9).summary["result"]
    assert result["removed_url_variants"] == 0
    found = find_duplicates(table, keep="shortest-url").summary["result"]
    assert found["removed"] == sum(range(2, 14)) - 12
    assert found["removed_url_variants"] == sum(range(12))
    assert found["url_variant_kinds"] == {
        "same": 0, "scheme": sum(range(12)), "www": 0, "tracking": sum(range(12)), "other": 0,
    }  # fmt: skip
    assert found["url_variant_examples"] == [
        {
            "url": f"https://{site}.org/",
            "variants": site,
            "removed": [f"http://{site}.org/?utm_x={n}" for n in range(1, min(site, 3) + 1)],
        }
        for site in range(11, 1, -1)
    ]
