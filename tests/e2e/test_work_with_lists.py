"""What a person does on a list: filter, explain, select, keys, palette, saved in the address."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import sign_in


def test_a_filter_goes_into_the_address_and_back(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/workloads/")
    page.locator("summary", has_text="State").click()
    page.locator('#filters input[name="state"][value="Asleep"]').check()
    expect(page).to_have_url(re.compile(r"state=Asleep"))
    expect(page.locator("#list tbody tr")).to_have_count(18)
    page.get_by_label("Remove the filter State: Asleep").click()
    expect(page.locator(".list-count")).to_have_text("72 rows")


def test_typing_in_the_search_narrows_the_list_and_keeps_the_focus(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/workloads/")
    page.keyboard.press("/")
    page.keyboard.type("checkout berlin", delay=15)
    expect(page.locator("#list tbody tr")).to_have_count(2)
    expect(page.locator('#filters input[name="q"]')).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("2 rows")


def test_the_reason_opens_the_evidence_beside_the_list_with_an_address_of_its_own(
    admin_page: Page, server: str
) -> None:
    page = admin_page
    page.goto(f"{server}/workloads/?q=checkout")
    page.locator(".chip-reason").first.click()
    drawer = page.locator("#drawer")
    expect(drawer.get_by_role("heading", name="Why?")).to_be_visible()
    expect(drawer.get_by_text("Requests in the window")).to_be_visible()
    expect(page).to_have_url(re.compile(r"open=%2Fdecisions%2F"))
    page.reload()
    expect(drawer.get_by_role("heading", name="Why?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile(r"open="))


def test_keys_move_along_the_rows_and_explain(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/workloads/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr.row-current")).to_have_count(1)
    assert page.locator("#list tbody tr").nth(1).evaluate("row => row.classList.contains('row-current')")
    page.keyboard.press("e")
    expect(page.locator("#drawer").get_by_role("heading", name="Why?")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def test_the_palette_leads_anywhere(admin_page: Page, server: str) -> None:
    page = admin_page
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Policies")).to_be_visible()
    page.keyboard.type("catalog tokyo", delay=15)
    expect(page.get_by_role("option").first).to_contain_text("catalog")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/workloads/[0-9a-f-]{36}/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("catalog")


def test_selecting_the_page_offers_all_that_match(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/workloads/")
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    page.get_by_label("Select this page").check()
    expect(bar).to_be_visible()
    expect(page.locator("[data-selected-count]")).to_have_text("50 selected")
    page.get_by_role("button", name="Select all 72 that match").click()
    expect(page.locator("[data-selected-count]")).to_have_text("All 72 that match are selected")
    page.get_by_role("button", name="Clear selection").click()
    expect(bar).to_be_hidden()


def test_another_persons_answer_changes_the_open_page(browser: Browser, admin_page: Page, server: str) -> None:
    """Approving in one browser moves the badge and the row in another, without a reload."""
    page = admin_page
    page.goto(f"{server}/approvals/")
    expect(page.locator("#live-state")).to_have_attribute("data-state", "on")
    expect(page.locator("#list .chip", has_text="Pending")).to_have_count(1)
    watcher = page
    context = browser.new_context()
    other = sign_in(context, server)
    other.goto(f"{server}/approvals/")
    other.locator("a.row-link").first.click()
    other.get_by_label("Reason").fill("It is needed at night")
    other.get_by_role("button", name="Reject").click()
    expect(other.get_by_text("You rejected it.")).to_be_visible()
    expect(watcher.locator("#list .chip", has_text="Rejected")).to_have_count(1)
    expect(watcher.locator(".side .nav-badge")).to_have_count(0)
    context.close()


def test_pages_read_without_scripts(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = sign_in(context, server)
    page.goto(f"{server}/workloads/?state=Asleep")
    expect(page.locator("#list tbody tr")).to_have_count(18)
    page.locator(".chip-reason").first.click()
    expect(page.get_by_role("heading", name="Why?")).to_be_visible()
    page.goto(f"{server}/workloads/")
    page.locator('#filters input[name="q"]').fill("checkout")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#list tbody tr")).to_have_count(6)
    context.close()
