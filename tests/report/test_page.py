"""The page in a real browser: quiet, offline, drawn, searched, compared, by mouse and keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import dedup
from tests.report.browser import chromium, opened

SAMPLE = Path(__file__).parents[2] / "data/sample.warc.gz"
CHECKS = Path(__file__).with_name("accessibility.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "out"
    config = dedup.Config(workers=1, pairs="all")
    dedup.run([SAMPLE], out, config, keep_evidence=True, report=True)
    return out / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_loads_quietly_fits_and_can_be_read(
    browser: Browser, report: Path, width: int, scheme: str, tmp_path: Path
) -> None:
    with opened(browser, report, width=width, scheme=scheme) as tab:
        assert tab.page.evaluate("document.documentElement.scrollWidth") == width
        for name in ("funnel", "similarity", "sizes"):
            marks = tab.page.locator(f"#chart-{name} :is(.bars path, .scatterlayer path)")
            assert marks.count() >= 5
            box = marks.first.bounding_box()
            assert box is not None
            assert box["height"] > 1
            tab.page.locator(f"#chart-{name}").scroll_into_view_if_needed()
            marks.first.hover(force=True)
            expect(tab.page.locator(f"#chart-{name} .hoverlayer text").first).to_be_visible()
        assert tab.page.evaluate(CHECKS) == []
        tab.page.locator("details").evaluate_all(
            "all => all.forEach((one) => { one.open = true; })"
        )
        tab.page.locator("[data-pair]").first.click()
        assert tab.page.evaluate(CHECKS) == []
        assert tab.page.evaluate("document.documentElement.scrollWidth") == width
        tab.page.screenshot(path=tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 10_000
        assert tab.is_quiet()


def test_the_scheme_can_be_chosen_and_charts_follow(browser: Browser, report: Path) -> None:
    with opened(browser, report, scheme="light") as tab:
        page = tab.page
        ink = "getComputedStyle(document.querySelector('#chart-funnel .ytick text')).fill"
        light = page.evaluate(ink)
        button = page.locator("#scheme")
        expect(button).to_have_text("Colours: system")
        button.click()
        expect(button).to_have_text("Colours: light")
        assert page.evaluate(ink) == light
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_text("Colours: dark")
        expect(page.locator("#chart-funnel .ytick text").first).not_to_have_css("fill", light)
        page.emulate_media(color_scheme="dark")
        button.click()
        expect(button).to_have_text("Colours: system")
        expect(page.locator("#chart-funnel .ytick text").first).not_to_have_css("fill", light)
        assert tab.is_quiet()


def test_search_filter_and_difference_by_mouse(browser: Browser, report: Path) -> None:
    with opened(browser, report) as tab:
        page = tab.page
        listed = page.locator("#clusters button")
        expect(page.locator("#found")).to_have_text("93 clusters in this file")
        assert listed.count() == 60
        page.locator("#more").click()
        assert listed.count() == 93
        page.fill("#query", "WIRE-archive.example")  # a host, in any case
        expect(page.locator("#found")).to_have_text(re.compile(r"^1\d clusters of 93 match$"))
        page.fill("#query", "Tollgate Wanderers 72 minutes")
        expect(page.locator("#found")).to_have_text("0 clusters of 93 match")
        page.fill("#query", "the tollgate wanderers 71 minutes")  # words of a text
        expect(page.locator("#found")).to_have_text("1 cluster of 93 match")
        page.fill("#query", "")
        page.select_option("#match", "near")
        expect(page.locator("#found")).to_have_text(re.compile(r"^\d+ clusters of 93 match$"))
        page.select_option("#order", "least")
        expect(listed.first.locator(".least")).to_have_text("0.904")
        listed.first.click()
        expect(listed.first).to_have_attribute("aria-current", "true")
        page.locator("#cluster button").first.click()
        expect(page.locator("#difference")).to_be_visible()
        expect(page.locator("#left-text mark.only")).to_have_count(2)
        expect(page.locator("#right-text mark.only")).to_have_count(2)
        assert page.inner_text("#left-text mark.only >> nth=0") == "behind"
        page.locator("#next").click()
        expect(page.locator("#left-text mark.only").first).to_have_class("only here")
        before = page.inner_text("#left-text")
        page.locator("#fold").check()
        assert "equal characters" in page.inner_text("#left-text")
        page.locator("#fold").uncheck()
        assert page.inner_text("#left-text") == before
        page.locator("#close").click()
        expect(page.locator("#difference")).not_to_be_visible()
        page.locator(".link").first.click()
        expect(page.locator("#cluster h3")).to_have_text("A cluster of 8 documents")
        page.locator("#cluster button").first.click()  # byte for byte
        expect(page.locator("#verdict")).to_have_text("Equal, byte for byte.")
        assert page.inner_text("#left-text") == page.inner_text("#right-text") != ""
        assert tab.is_quiet()


def test_search_filter_and_difference_by_keyboard(browser: Browser, report: Path) -> None:
    with opened(browser, report) as tab:
        page, keys = tab.page, tab.page.keyboard

        def tab_to(selector: str) -> None:
            for _ in range(400):
                keys.press("Tab")
                if page.evaluate("s => document.activeElement.matches(s)", selector):
                    return
            pytest.fail(f"Tab never comes to {selector}")

        tab_to("#query")
        keys.type("4084.html")
        expect(page.locator("#found")).to_have_text("2 clusters of 93 match")
        tab_to("#match")
        keys.press("n")
        expect(page.locator("#match")).to_have_value("near")
        page.fill("#query", "")
        tab_to("#order")
        tab_to("#clusters button")
        keys.press("ArrowDown")
        assert page.evaluate("document.activeElement.closest('li').previousElementSibling !== null")
        keys.press("Enter")
        expect(page.locator("#cluster")).to_be_focused()
        tab_to("#cluster button")
        keys.press("Enter")
        expect(page.locator("#difference")).to_be_visible()
        keys.press("n")
        expect(page.locator("mark.here")).to_have_count(1)
        keys.press("p")
        expect(page.locator("mark.here")).to_have_count(1)
        keys.press("Escape")
        expect(page.locator("#difference")).not_to_be_visible()
        assert page.evaluate("document.activeElement.textContent") == "Compare"
        assert tab.is_quiet()


def test_hosts_are_searched_where_ids_do_not_name_them(browser: Browser, tmp_path: Path) -> None:
    config = dedup.Config(workers=1, id_column="record_id")
    dedup.run([SAMPLE], tmp_path / "out", config, report=True)
    with opened(browser, tmp_path / "out/report.html") as tab:
        assert "aldery" not in tab.page.inner_text("#clusters")
        tab.page.fill("#query", "aldery-times.example")
        expect(tab.page.locator("#found")).to_have_text(re.compile(r"^\d+ clusters of 93 match$"))
        expect(tab.page.locator("#clusters li")).not_to_have_count(0)
        assert tab.is_quiet()


def test_the_command_is_copied_or_selected(browser: Browser, report: Path) -> None:
    with opened(browser, report) as tab:
        tab.page.locator("#copy").click()
        expect(tab.page.locator("#copy")).to_have_text(re.compile("Copied|Press Ctrl"))
        assert re.fullmatch(
            r"dedup run \S+/data/sample\.warc\.gz -o OUT --pairs all\n",
            tab.page.locator("#command").text_content() or "",
        )


def test_without_texts_no_word_is_there(browser: Browser, report: Path, tmp_path: Path) -> None:
    page = dedup.write_report(report.parent, output=tmp_path / "r.html", no_text=True)
    assert "Tollgate" in report.read_text(encoding="utf-8")
    assert "Tollgate" not in page.read_text(encoding="utf-8")
    with opened(browser, page) as tab:
        expect(tab.page.locator("#again li")).to_contain_text(["(--no-text)"])
        assert tab.page.locator("#cluster button").count() == 0
        assert tab.page.locator("[data-pair]:enabled").count() == 0
        assert tab.page.evaluate(CHECKS) == []
        assert tab.is_quiet()


def test_an_input_that_is_gone_is_named(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(SAMPLE.read_bytes())
    dedup.run([path], tmp_path / "out", dedup.Config(workers=1))
    moved = path.rename(tmp_path / "moved.warc.gz")
    page = dedup.write_report(tmp_path / "out")
    with opened(browser, page) as tab:
        expect(tab.page.locator("#borderline")).to_contain_text("crawl.warc.gz is no longer there")
        expect(tab.page.locator("#borderline")).to_contain_text("run with --keep-evidence")
        expect(tab.page.locator("#again")).to_contain_text("crawl.warc.gz is no longer there")
        assert tab.is_quiet()
    dedup.write_report(tmp_path / "out", [moved])
    with opened(browser, page) as tab:
        assert tab.page.locator("[data-pair]:enabled").count() > 5
        assert tab.is_quiet()


@pytest.mark.parametrize("texts", [[], ["a b c d e f"], [""]], ids=["nothing", "one", "blank"])
def test_runs_that_find_nothing_have_a_page(
    browser: Browser, tmp_path: Path, texts: list[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), tmp_path / "a.parquet")
    dedup.run([tmp_path / "a.parquet"], tmp_path / "out", dedup.Config(workers=1), report=True)
    with opened(browser, tmp_path / "out/report.html") as tab:
        expect(tab.page.locator("h1")).to_contain_text("0.0%")
        expect(tab.page.locator("#found")).to_have_text("0 clusters in this file")
        assert tab.is_quiet()
