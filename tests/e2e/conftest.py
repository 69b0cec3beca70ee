"""For the tests of pages: one Chromium for each file of tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from pages import browser_path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # files of tests that need it are skipped where it is not there

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield browser
        browser.close()
