"""The product as a person starts it: `plimsoll up`, the demo fleet, a workload that sleeps, and waking it by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.plimsoll_up import Up

PATIENCE_MS = 120_000
"""The fleet is read, judged and put to sleep within this, on two busy cores."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("demo"), PLIMSOLL_DEMO="1")
    try:
        started.wait_for("Plimsoll is ready at ", seconds=90)
        yield started
    finally:
        started.stop()


@pytest.fixture
def page(up: Up, browser: Browser) -> Iterator[Page]:
    password = (up.home / "admin-password").read_text().split()[-1]
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    found = context.new_page()
    found.goto(f"{up.url}/login/")
    found.fill("#id_username", "admin")
    found.fill("#id_password", password)
    found.press("#id_password", "Enter")
    yield found
    context.close()


def test_a_workload_falls_asleep_says_why_and_is_woken_by_hand(page: Page, up: Up) -> None:
    # The open list fills by itself: nobody reloads it.
    page.goto(f"{up.url}/workloads/?state=Asleep")
    rows = page.locator("#list tbody tr")
    expect(rows.first).to_be_visible(timeout=PATIENCE_MS)
    href = rows.first.locator("a.row-link").get_attribute("href")

    page.goto(f"{up.url}{href}")
    expect(page.get_by_text(re.compile("No traffic for")).first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Requests in the window").first).to_be_visible()

    page.get_by_role("button", name="Wake").click()
    expect(page.get_by_text("The API server would do it")).to_be_visible(timeout=30_000)
    page.get_by_label("Reason").fill("Somebody needs it")
    page.get_by_role("button", name=re.compile("Wake: 1 workload")).click()
    expect(page.get_by_role("heading", name="Why?")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("admin asked for it: Somebody needs it")).to_be_visible()

    page.goto(f"{up.url}{href}")
    # The page follows by itself: it may still say asleep when it is opened.
    expect(page.locator(".head-chips .chip", has_text=re.compile("Awake|Waking"))).to_be_visible(timeout=30_000)


def test_the_preview_of_a_policy_names_workloads_and_the_saving(page: Page, up: Up) -> None:
    page.goto(f"{up.url}/policies/")
    page.locator("a.row-link").first.click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Preview").click()
    preview = page.locator("#preview")
    expect(preview.get_by_text("Dry run passed")).to_be_visible(timeout=60_000)
    expect(preview.locator("tbody tr").first).to_be_visible()
    expect(preview.get_by_text("No difference: the cluster has this policy already.")).to_be_visible()


def test_the_state_folder_holds_the_password_for_its_owner_alone(up: Up) -> None:
    path: Path = up.home / "admin-password"
    assert path.stat().st_mode & 0o777 == 0o600
