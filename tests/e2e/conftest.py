"""A real server (uvicorn, HTTP and WebSockets) over a seeded fleet, and Debian's Chromium.

pytest-playwright fights pytest-asyncio: run these in a process of their own (`pytest -m browser`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.factories import PASSWORD

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason="Chromium is missing: apt-get install chromium"))
            elif not (ROOT / "frontend/dist/manifest.json").exists():
                item.add_marker(pytest.mark.skip(reason="the islands are not built: python frontend/build.py"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    return {"executable_path": CHROMIUM}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `portal.web` over a seeded state folder of its own."""
    home = tmp_path_factory.mktemp("plimsoll")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
    env = {**kept, "PLIMSOLL_HOME": str(home), "PLIMSOLL_IN_MEMORY": "1"}
    subprocess.run([sys.executable, "-m", "tests.e2e.seed"], check=True, env=env, cwd=ROOT, capture_output=True)
    port = free_port()
    with (home / "web.log").open("w") as log:
        web = subprocess.Popen(
            [sys.executable, "-m", "portal.web", "--port", str(port)], env=env, cwd=ROOT, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, web, home / "web.log")
        yield url
    finally:
        web.terminate()
        web.wait(timeout=15)


def _wait(url: str, web: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if web.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=2):  # noqa: S310  loopback, by our own fixture
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer in 30 s")


def sign_in(context: BrowserContext, server: str, *, user: str = "admin") -> Page:
    """A page of `user`, on the Overview. Fails at its end if the browser complained of anything."""
    page = context.new_page()
    page.goto(f"{server}/login/")
    page.fill("#id_username", user)
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(f"{server}/")
    return page


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said: errors, among them every break of the content security policy."""
    return []


@pytest.fixture
def admin_page(browser: Browser, server: str, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = sign_in(context, server)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
