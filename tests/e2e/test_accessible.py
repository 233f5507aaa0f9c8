"""axe finds nothing serious on any page, in both themes; and nothing is wider than the window, down to a phone."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import sign_in

PATHS = [
    "/", "/workloads/", "/clusters/", "/clusters/connect/", "/policies/", "/policies/new/", "/decisions/",
    "/approvals/", "/records/", "/profile/", "/nope/",
]  # fmt: skip
GRAVE = ("serious", "critical")


def objects(page: Page, server: str) -> list[str]:
    """One object page of each kind, found through its list."""
    found = []
    for path in ("/workloads/", "/clusters/", "/policies/", "/decisions/", "/approvals/"):
        page.goto(server + path)
        href = page.locator("a.row-link").first.get_attribute("href")
        assert href is not None
        found.append(href)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(theme: Any, browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    page = sign_in(context, server)
    axe = Axe()
    grave: list[str] = []
    for path in [*PATHS, *objects(page, server)]:
        page.goto(server + path)
        page.wait_for_load_state("load")
        for one in axe.run(page).response["violations"]:
            if one["impact"] in GRAVE:
                nodes = [node["html"][:160] for node in one["nodes"][:3]]
                grave.append(f"{path} {one['id']} ({one['impact']}): {nodes}")
    context.close()
    assert grave == []


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_no_page_is_wider_than_the_window(width: int, browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = sign_in(context, server)
    wide = []
    for path in [*PATHS, *objects(page, server)]:
        page.goto(server + path)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide.append(f"{path}: {over} px")
    context.close()
    assert wide == []


def test_the_system_theme_is_followed_without_a_flash(browser: Browser, server: str) -> None:
    """The theme stands before the first paint: the script in the head is a classic one, and the first element."""
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{server}/login/", wait_until="commit")
    page.wait_for_selector("body")
    assert page.evaluate("document.documentElement.getAttribute('data-bs-theme')") == "dark"
    page.emulate_media(color_scheme="light")
    assert page.evaluate("document.documentElement.getAttribute('data-bs-theme')") == "light"
    context.close()
