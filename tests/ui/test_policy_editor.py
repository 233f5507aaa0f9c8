"""The policy editor: every problem at its line, a preview before anything is written, the write itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from django.test import Client

from apps.fleet.connections import seal
from apps.kernel.errors import InvalidInput
from apps.kernel.ports import KubeConnection
from apps.ledger.models import ActionRow
from apps.policies import manifest_text
from apps.policies.authoring import STARTER, diff_lines
from apps.policies.models import Policy
from apps.sandbox.sim.traffic import Source
from tests.factories import make_cluster, make_policy
from tests.policies.build import make_policy as make_manifest
from tests.policies.conftest import MakeWorld, make_world  # noqa: F401  the fixture
from tests.policies.world import World

GOOD = STARTER.format(namespace="dev")


def problems(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.message) for one in manifest_text.read(text).problems]


def test_what_the_editor_starts_with_is_right() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        ("mode: DryRun", "mode: Sometimes", "This must be one of DryRun, Warn, Enforce."),
        ("idleAfter: 2h", "idleAftr: 2h", "There is no field idleAftr here. Did you mean idleAfter?"),
        ("idleAfter: 2h", "idleAfter: 2 hours", "This must be a length of time such as 2h, 90m or 1h30m."),
        ("idleAfter: 2h", "idleAfter: 2", "This must be a text: put it in quotes."),
        ("name: idle", "name: Idle!", "A name has lower-case letters, digits"),
        ("kind: ResourcePolicy", "kind: Policy", "kind must be one of ResourcePolicy, ClusterResourcePolicy."),
        ("minAwake: 15m", "idleAfter: 15m", "This field stands twice."),
        ("kinds: [Deployment, StatefulSet]", "kinds: []", "This needs at least 1 entries."),
    ],
)
def test_each_mistake_is_told_at_its_line(old: str, new: str, want: str) -> None:
    text = GOOD.replace(old, new, 1)
    line = next(n for n, one in enumerate(text.splitlines(), start=1) if new in one)
    assert any(found == line and want in message for found, message in problems(text)), problems(text)


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1\n- 2\n", "a: 1\n---\nb: 2\n", "a: &x [*x]\n", "x" * 300_000, "a: " + "[" * 200]
)
def test_what_is_no_policy_at_all_is_one_problem_and_no_fault(text: str) -> None:
    document = manifest_text.read(text)
    assert document.problems


@pytest.mark.parametrize("step", ["a{n}: &a{n} [{inside}]", "a{n}: &a{n} {{k: [{inside}], k: [{inside}]}}"])
def test_a_few_lines_that_stand_for_billions_are_refused_at_once(step: str) -> None:
    steps = [step.format(n=n, inside=", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 12)]
    assert problems("\n".join(["a0: &a0 [x]", *steps])) == [(1, "The text has too many fields: at most 20000.")]


def test_thousands_of_mistakes_are_cut_to_a_hundred() -> None:
    text = GOOD + "".join(f"  field{n}: 1\n" for n in range(5_000))
    assert len(problems(text)) == manifest_text.MOST_PROBLEMS


def test_what_the_api_server_refuses_finds_its_line() -> None:
    document = manifest_text.read(GOOD)
    error = InvalidInput(
        "no", causes=(("spec.scaleToZero.traffic.source", "Unsupported"), ("spec.targets[0].kinds", "x"))
    )
    lines = GOOD.splitlines()
    assert [lines[one.line - 1].strip() for one in manifest_text.with_error(document, error)] == [
        "source: IngressNginx",
        "- kinds: [Deployment, StatefulSet]",
    ]


def test_the_difference_leaves_out_what_the_server_adds() -> None:
    was = {
        "kind": "X",
        "metadata": {"name": "a", "uid": "1", "managedFields": []},
        "spec": {"a": 1},
        "status": {"b": 1},
    }
    assert diff_lines(was, {"kind": "X", "metadata": {"name": "a", "uid": "2"}, "spec": {"a": 1}}) == []
    changed = diff_lines(was, {"kind": "X", "metadata": {"name": "a"}, "spec": {"a": 2}})
    assert ("del", "-  a: 1") in changed
    assert ("add", "+  a: 2") in changed


def test_the_check_answers_the_editor(client: Client) -> None:
    answer = client.post("/policies/check/", {"manifest": GOOD.replace("idleAfter", "idleAftr")})
    assert answer.json()["problems"][0]["path"] == "spec.scaleToZero.idleAftr"
    assert client.post("/policies/check/", {"manifest": GOOD}).json() == {"problems": []}


def test_the_schema_documents_every_field_of_the_spec(client: Client) -> None:
    spec = client.get("/policies/schema/?kind=ClusterResourcePolicy").json()["properties"]["spec"]

    def undocumented(schema: dict[str, Any], path: str) -> list[str]:
        below = [*schema.get("properties", {}).items(), *([("[]", schema["items"])] if "items" in schema else [])]
        found = [path] if not schema.get("description") and not path.endswith("[]") else []
        return found + [one for name, child in below for one in undocumented(child, f"{path}.{name}")]

    assert undocumented({**spec, "description": "x"}, "spec") == []


@pytest.fixture
def world(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> World:  # noqa: F811  a fixture by its name
    made = make_world()
    made.row.sealed_credentials = seal(KubeConnection("https://memory"))
    made.row.save()
    made.add_namespace("dev")
    monkeypatch.setattr("apps.policies.previews.metrics", lambda cluster: made.metrics)
    return made


def test_a_preview_shows_who_would_sleep_who_would_not_and_the_difference(world: World, client: Client) -> None:
    key = world.add_workload("web", namespace="dev")
    world.add_workload("worker", namespace="dev", routed=False)
    world.add_traffic(Source(key, shape="idle"))
    form = {"manifest": GOOD, "cluster": world.row.name}
    page = client.post("/policies/preview/", form, headers={"HX-Request": "true"}).content.decode()
    assert "Would sleep now" in page
    assert page.index(">web<") < page.index("worker")
    assert "No route leads to this Deployment" in page
    assert "+  scaleToZero:" in page
    assert ActionRow.objects.count() == 0
    assert "<html" in client.post("/policies/preview/", form).content.decode()  # without scripts: the whole page


def test_applying_puts_the_policy_on_its_way_with_its_reason(world: World, client: Client) -> None:
    answer = client.post("/policies/apply/", {"manifest": GOOD, "cluster": world.row.name, "reason": "quiet nights"})
    action = ActionRow.objects.get()
    assert answer["Location"] == f"/decisions/{action.decision_id}/"
    assert (action.kind, action.reason, action.state) == ("Apply", "quiet nights", "Due")


def test_a_policy_that_cannot_be_applied_comes_back_with_its_text_and_its_problems(
    world: World, client: Client
) -> None:
    text = GOOD.replace("idleAfter: 2h", "idleAfter: 2h\n    schedule: {timeZone: Nowhere}")
    answer = client.post("/policies/apply/", {"manifest": text, "cluster": world.row.name})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "spec.scaleToZero.schedule.timeZone" in page
    assert "Line 14" in page
    assert "timeZone: Nowhere" in page


def test_nobody_applies_where_they_may_not(stranger: Client) -> None:
    cluster = make_cluster()
    answer = stranger.post("/policies/apply/", {"manifest": GOOD, "cluster": cluster.name})
    assert answer.status_code == 400
    assert "Choose a cluster where you may change policies." in answer.content.decode()


def test_suspending_applies_the_same_policy_with_suspend(world: World, client: Client) -> None:
    manifest = make_manifest()
    world.add_policy(manifest)
    kept = {"apiVersion": manifest["apiVersion"], "kind": "ResourcePolicy", "spec": manifest["spec"],
            "metadata": {"name": "nights", "namespace": "dev"}}  # fmt: skip
    row = make_policy("nights", cluster=world.row, namespace="dev", manifest=kept)
    client.post(f"/policies/{row.pk}/suspend/")
    assert ActionRow.objects.get().action["manifest"]["spec"]["suspend"] is True


def test_deleting_waits_for_approval(world: World, client: Client) -> None:
    world.add_policy(make_manifest())
    row = make_policy("nights", cluster=world.row, namespace="dev")
    answer = client.post(f"/policies/{row.pk}/delete/", {"reason": "no longer needed"})
    assert answer["Location"].startswith("/approvals/")
    assert ActionRow.objects.get().state == "WaitingApproval"


def test_a_policy_that_gitops_owns_is_read_only(client: Client) -> None:
    row = make_policy(origin="external", origin_detail="Argo CD Application shop")
    page = client.get(f"/policies/{row.pk}/").content.decode()
    assert "Argo CD Application shop owns this policy" in page
    assert "Suspend" not in page
    assert "readonly" in client.get(f"/policies/{row.pk}/edit/").content.decode()


def test_the_manifest_is_written_as_people_write_it(client: Client) -> None:
    text = manifest_text.write(Policy(manifest={}).manifest or {"spec": {"b": 1}, "kind": "X", "apiVersion": "v"})
    assert list(yaml.safe_load(text)) == ["apiVersion", "kind", "spec"]
    assert json.loads(json.dumps(yaml.safe_load(text))) == {"apiVersion": "v", "kind": "X", "spec": {"b": 1}}
