"""axe finds nothing serious on any page, in both themes; and nothing is wider than the window, down to a phone."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass
class Walk:
    """What one walk over all pages found: each page is loaded once."""

    grave: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    seen: int = 0


@pytest.fixture(scope="module")
def walk(browser: Browser, server: str) -> Walk:
    # Without motion: a colour that is on its way to another has a contrast of its own.
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    page = sign_in(context, server)
    found, axe = Walk(), Axe()
    for path in [*PATHS, *objects(page, server)]:
        page.goto(server + path)
        found.seen += 1
        found.grave += _violations(axe, page, f"{path} light", {})
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        page.wait_for_selector('html[data-bs-theme="dark"]')
        # The dark theme changes colours and nothing else.
        found.grave += _violations(axe, page, f"{path} dark", {"runOnly": ["color-contrast"]})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        found.wide += _overflow(page, path)
    context.close()
    return found


def _settle(page: Page) -> None:
    """Two frames: the editor measures itself in the frame after its window has changed, and colours are drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def _violations(axe: Axe, page: Page, where: str, options: dict[str, Any]) -> list[str]:
    _settle(page)
    grave = [one for one in axe.run(page, options=options).response["violations"] if one["impact"] in GRAVE]
    return [
        f"{where} {one['id']}: {[(node['html'][:160], node['failureSummary'][:300]) for node in one['nodes'][:3]]}"
        for one in grave
    ]


def _overflow(page: Page, path: str) -> list[str]:
    wide = []
    for width in (768, 390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        _settle(page)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide.append(f"{path} at {width}: {over} px")
    return wide


def test_axe_finds_nothing_serious_in_either_theme(walk: Walk) -> None:
    assert walk.seen == len(PATHS) + 5
    assert walk.grave == []


def test_no_page_is_wider_than_the_window_down_to_a_phone(walk: Walk) -> None:
    assert walk.wide == []


def test_the_system_theme_is_followed_without_a_flash(browser: Browser, server: str) -> None:
    """The theme stands before the first paint: the script in the head is a classic one, and the first element."""
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{server}/login/", wait_until="commit")
    page.wait_for_selector("body")
    assert page.evaluate("document.documentElement.getAttribute('data-bs-theme')") == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_selector('html[data-bs-theme="light"]')
    context.close()
