"""The YAML editor: completion from the schema, errors at their line, documentation on hover, kind refusals."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect


def put_text(page: Page, text: str) -> None:
    """Replaces the text and goes to its end. Not by typing: Chromium's own insertion into a selection tries an inline
    style, which the policy refuses and reports."""
    area = page.locator("#manifest")
    area.evaluate("(area, text) => { area.value = text; area.dispatchEvent(new Event('fill')); }", text)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")


def test_fields_complete_with_their_documentation(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/policies/new/")
    put_text(page, "apiVersion: plimsoll.dev/v1alpha1\nkind: ResourcePolicy\nspec:\n  scaleToZero:\n    ")
    page.keyboard.type("idle", delay=30)
    option = page.locator(".cm-tooltip-autocomplete li", has_text="idleAfter")
    expect(option).to_be_visible()
    expect(page.locator(".cm-completionInfo")).not_to_be_empty()
    page.wait_for_timeout(200)  # the editor takes no key for a choice that has only just appeared
    page.keyboard.press("Enter")
    assert page.locator("#manifest").input_value().endswith("    idleAfter: ")


def test_values_of_an_enum_complete(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/policies/new/")
    put_text(page, "kind: ResourcePolicy\nspec:\n  mode: ")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-tooltip-autocomplete li")).to_have_text(["DryRun", "Warn", "Enforce"])


def test_an_error_stands_at_its_line_while_typing(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/policies/new/")
    put_text(
        page,
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ResourcePolicy\nmetadata: {name: a, namespace: shop}\n"
        "spec:\n  targets: [{kinds: [Deployment]}]\n  scaleToZero:\n    idleAftr: 2h\n",
    )
    mark = page.locator(".cm-lintRange-error")
    expect(mark).to_have_text("idleAftr")
    mark.hover()
    expect(page.locator(".cm-tooltip-lint")).to_contain_text("Did you mean idleAfter?")


def test_a_preview_of_a_broken_policy_lists_problems_that_lead_to_their_lines(admin_page: Page, server: str) -> None:
    page = admin_page
    page.goto(f"{server}/policies/new/")
    put_text(
        page, "apiVersion: plimsoll.dev/v1alpha1\nkind: ResourcePolicy\nmetadata: {name: a}\nspec: {mode: Maybe}\n"
    )
    page.get_by_role("button", name="Preview").click()
    problems = page.locator("#preview .problems li")
    expect(problems.filter(has_text="The field targets is missing.")).to_have_count(1)
    expect(problems.filter(has_text="DryRun, Warn, Enforce")).to_contain_text("Line 4")


def test_a_kubeconfig_of_50_mb_is_refused_before_it_is_sent(admin_page: Page, server: str, tmp_path: Path) -> None:
    page = admin_page
    page.goto(f"{server}/clusters/connect/")
    big = tmp_path / "big"
    with big.open("wb") as f:
        f.truncate(49 * 1024 * 1024)
    page.set_input_files("#id_kubeconfig_file", str(big))
    expect(page.locator("#kubeconfig-note")).to_contain_text("49.0 MiB")


def test_the_first_page_is_light(admin_page: Page, server: str) -> None:
    """All that the Overview loads, as it comes over the wire."""
    page = admin_page
    sizes: dict[str, int] = {}
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    client.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.goto(f"{server}/", wait_until="networkidle")
    total = sum(sizes.values())
    print(json.dumps({"overview_bytes_on_the_wire": total, "requests": len(sizes)}))  # noqa: T201  a figure to show
    assert total < 350_000


def test_built_files_come_compressed_and_may_be_kept_for_ever(server: str) -> None:
    manifest = json.loads(Path("frontend/dist/manifest.json").read_text())
    name = manifest["src/main.ts"]["file"]
    request = urllib.request.Request(f"{server}/static/build/{name}", headers={"Accept-Encoding": "br"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  loopback
        assert answer.headers["Content-Encoding"] == "br"
        assert "immutable" in answer.headers["Cache-Control"]
