"""A real browser, and the docs site served to it from this machine."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = Path(os.environ.get("FP_SCREENSHOTS", ROOT / "target" / "screenshots"))


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Any
    faults: list[str] = field(default_factory=list)

    def shoot(self, name: str) -> None:
        """Keep a picture of the page for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The one browser of a process: Playwright starts no second one there."""
    if CHROMIUM is None:
        if os.environ.get("FP_REQUIRE_BROWSER"):
            pytest.fail("no Chromium; install it: apt-get install chromium")
        pytest.skip("no Chromium; install it: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers run tests as root, for whom Chromium has no sandbox.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the folder's site."""
    from feature_platform_py.docs_site.serve import site_server

    with site_server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Watched]]:
    """Open an address; errors of the console, failed requests and requests to other machines are faults."""
    pages = []

    def opened(address: str, **options: Any) -> Watched:
        page = browser.new_page(**options)
        pages.append(page)
        watched = Watched(page)
        page.on("console", lambda message: message.type == "error" and watched.faults.append(message.text))
        page.on("pageerror", lambda error: watched.faults.append(str(error)))
        page.on("requestfailed", lambda request: watched.faults.append(f"failed: {request.url}"))
        page.on("request", lambda request: _is_local(request.url) or watched.faults.append(f"asked: {request.url}"))
        page.goto(address)
        return watched

    yield opened
    for page in pages:
        page.close()


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:"))
