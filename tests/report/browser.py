"""A real Chromium, headless, that opens reports as a reader does: from a file, offline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str:
    """Return the browser's path; without one the test fails and says what to install."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail("the report's tests need Chromium; apt-get install -y chromium installs it.")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; without its sandbox, which root and containers cannot have."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Opened:
    """A report in a tab.

    Attributes
    ----------
    messages : what the console said, and errors of scripts.
    requests : addresses that the page asked for, itself apart.
    """

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def is_quiet(self) -> bool:
        """Tell whether nothing was said and nothing asked for."""
        assert self.messages == []
        assert self.requests == []
        return True


@contextmanager
def opened(
    browser: Browser, path: Path, *, width: int = 1280, scheme: str = "light"
) -> Iterator[Opened]:
    """Open a report and wait until its charts are drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    tab = Opened(page)
    page.on("console", lambda message: tab.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: tab.messages.append(f"error: {error}"))
    page.on("dialog", lambda dialog: tab.messages.append(f"dialog: {dialog.message}"))
    address = path.as_uri()
    page.on(
        "request",
        lambda request: request.url == address or tab.requests.append(request.url),
    )
    page.goto(address)
    expect(page.locator("html")).to_have_attribute("data-charts", "drawn", timeout=30_000)
    expect(page.locator("html")).to_have_attribute("data-explorer", "ready")
    try:
        yield tab
    finally:
        context.close()
