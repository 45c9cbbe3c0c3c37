"""The pictures of the gallery: a report of the sample crawl, photographed in Chromium.

``python docs/gallery.py`` makes them anew, in docs/gallery/; it needs the test group and Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

import dedup

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "data/sample.warc.gz"
PICTURES = HERE / "gallery"


def make_report(folder: Path) -> Path:
    """Find the duplicates of the sample crawl, and return its report."""
    dedup.run([SAMPLE], folder / "out", dedup.Config(), keep_evidence=True, report=True)
    return folder / "out" / "report.html"


def opened(browser: Browser, report: Path, width: int, height: int, scheme: str) -> Page:
    """Open the report in a window of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(report.as_uri())
    expect(page.locator("html")).to_have_attribute("data-charts", "drawn")
    return page


def photograph(browser: Browser, report: Path) -> None:
    """Take the pictures that gallery.md shows."""
    page = opened(browser, report, 1280, 900, "light")
    page.screenshot(path=PICTURES / "overview.png")
    page.locator("#similarity").scroll_into_view_if_needed()
    page.locator("#similarity").evaluate("one => one.scrollIntoView()")
    page.screenshot(path=PICTURES / "similarity.png")
    page.locator("#explorer").evaluate("one => one.scrollIntoView()")
    page.fill("#query", "story.php")
    expect(page.locator("#found")).to_contain_text("match")
    page.locator("#clusters button").nth(1).click()
    page.screenshot(path=PICTURES / "explorer.png")
    page = opened(browser, report, 1280, 720, "dark")
    page.locator("[data-pair]").first.click()
    page.screenshot(path=PICTURES / "difference.png")
    page = opened(browser, report, 390, 844, "dark")
    page.screenshot(path=PICTURES / "phone.png")


def main() -> None:
    """Make all pictures."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("The gallery needs Chromium: apt-get install -y chromium.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = make_report(Path(folder))
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        photograph(browser, report)
        browser.close()


if __name__ == "__main__":
    main()
