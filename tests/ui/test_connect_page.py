"""Connecting a cluster from the page: a bad kubeconfig is told at its field, a good one connects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.fleet.models import Cluster
from tests.factories import make_cluster, make_team, make_workload
from tests.sandbox_server import SandboxServer

EXEC = """apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}}}]
"""


def post(client: Client, **fields: object) -> tuple[int, str]:
    answer = client.post("/clusters/connect/", {"name": "berlin", **fields})
    return answer.status_code, answer.content.decode()


def test_nothing_given_is_told_at_the_kubeconfig(client: Client) -> None:
    status, page = post(client)
    assert status == 400
    assert "Upload a kubeconfig, or paste its text." in page


def test_a_kubeconfig_that_runs_a_program_is_refused_with_the_mend(client: Client) -> None:
    status, page = post(client, kubeconfig=EXEC)
    assert status == 400
    assert "exec" in page
    assert "What to do:" in page
    assert EXEC.splitlines()[4] in page.replace("&quot;", '"')  # what was typed is still there
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("text", ["nonsense", "a: [", "apiVersion: v1\nkind: Pod\n", "\x00"])
def test_a_broken_kubeconfig_is_an_error_and_no_fault(text: str, client: Client) -> None:
    status, page = post(client, kubeconfig=text)
    assert status == 400
    assert "invalid-feedback" in page


def test_a_file_that_is_too_large_is_refused_with_its_size(client: Client) -> None:
    big = SimpleUploadedFile("kubeconfig", b"x" * (2 * 1024 * 1024))
    status, page = post(client, kubeconfig_file=big)
    assert status == 400
    assert "This file has 2.0 MiB; at most 1 MiB can be read." in page


def test_a_picture_is_no_kubeconfig(client: Client) -> None:
    status, page = post(client, kubeconfig_file=SimpleUploadedFile("a.png", b"\x89PNG\r\n\xff\xfe"))
    assert status == 400
    assert "This is not a text file." in page


def test_only_a_superuser_connects_a_cluster_of_no_team(stranger: Client) -> None:
    make_team("shop")
    status, page = post(
        stranger,
        kubeconfig=EXEC.replace("exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}", "token: x"),
    )
    assert status == 400
    assert "only a superuser connects a cluster of no team" in page
    assert "shop" not in page


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxServer]:
    server = SandboxServer(tmp_path)
    server.start()
    yield server
    server.stop()


def test_a_good_kubeconfig_connects_and_the_page_says_what_was_applied(client: Client, sandbox: SandboxServer) -> None:
    status, page = post(client, kubeconfig=sandbox.kubeconfig("admin"), environment="development")
    assert status == 200, page
    cluster = Cluster.objects.get()
    assert cluster.environment == "development"
    assert "berlin is connected." in page
    assert "resourcepolicies.plimsoll.dev" in page
    assert "Every right it needs is there" in page
    assert "token" not in cluster.sealed_credentials
    tested = client.post(f"/clusters/{cluster.pk}/test/").content.decode()
    assert "The API server answers" in tested


def test_a_cluster_is_removed_only_when_its_name_is_typed(client: Client) -> None:
    cluster = make_cluster("tokyo")
    client.post(f"/clusters/{cluster.pk}/remove/", {"confirm": "osaka"})
    assert Cluster.objects.exists()
    client.post(f"/clusters/{cluster.pk}/remove/", {"confirm": "tokyo"})
    assert not Cluster.objects.exists()


def test_the_object_is_shown_as_the_api_server_has_it_now(client: Client, sandbox: SandboxServer) -> None:
    post(client, kubeconfig=sandbox.kubeconfig("admin"))
    row = make_workload("plimsoll", cluster=Cluster.objects.get(), namespace="plimsoll-system", kind="Deployment")
    page = client.get(f"/workloads/{row.pk}/yaml/").content.decode()
    assert "It could not be read" in page  # there is no such Deployment
    assert 'class="note note-error"' in page
