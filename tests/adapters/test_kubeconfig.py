"""A kubeconfig's text becomes a connection, or an error that names the field and the mend. It never runs anything."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from apps.adapters.kubernetes import parse_kubeconfig
from apps.kernel.errors import InvalidInput
from tests.adapters.certificates import make_pair

AUTHORITY = make_pair("authority")
CLIENT = make_pair("client", issuer=AUTHORITY)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(*, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """A kubeconfig of one context, `dev`; the arguments are laid over its cluster and its user (None removes)."""
    base_cluster = {"server": "https://10.1.2.3:6443", "certificate-authority-data": encoded(AUTHORITY.certificate)}
    chosen_cluster = {k: v for k, v in {**base_cluster, **(cluster or {})}.items() if v is not None}
    chosen_user = {k: v for k, v in {"token": "abc.def", **(user or {})}.items() if v is not None}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dev",
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": chosen_cluster}],
        "users": [{"name": "u", "user": chosen_user}],
    }


def refused(given: Any, *, context: str | None = None) -> InvalidInput:
    text = given if isinstance(given, str) else yaml.safe_dump(given)
    with pytest.raises(InvalidInput) as caught:
        parse_kubeconfig(text, context=context)
    assert caught.value.mend
    return caught.value


def test_a_token_and_an_authority_are_read() -> None:
    connection = parse_kubeconfig(yaml.safe_dump(config()))
    assert connection.server == "https://10.1.2.3:6443"
    assert (connection.token, connection.namespace) == ("abc.def", "shop")
    assert connection.ca_pem == AUTHORITY.certificate


def test_a_client_certificate_is_read() -> None:
    user = {
        "token": None,
        "client-certificate-data": encoded(CLIENT.certificate),
        "client-key-data": encoded(CLIENT.key),
    }
    connection = parse_kubeconfig(yaml.safe_dump(config(user=user)))
    assert (connection.client_certificate_pem, connection.client_key_pem) == (CLIENT.certificate, CLIENT.key)


def test_proxy_and_server_name_are_read() -> None:
    cluster = {"proxy-url": "http://proxy.example:3128", "tls-server-name": "inside.example"}
    connection = parse_kubeconfig(yaml.safe_dump(config(cluster=cluster)))
    assert (connection.proxy_url, connection.tls_server_name) == ("http://proxy.example:3128", "inside.example")


def test_json_is_yaml_too() -> None:
    assert parse_kubeconfig(json.dumps(config())).token == "abc.def"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exec", {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch"}),
        ("auth-provider", {"name": "gcp"}),
        ("tokenFile", "/var/run/secrets/token"),
        ("client-certificate", "/home/me/cert.pem"),
        ("client-key", "/home/me/key.pem"),
    ],
)
def test_a_user_that_would_run_code_or_read_files_is_refused(field: str, value: Any) -> None:
    error = refused(config(user={field: value}))
    assert error.field == f"users[u].user.{field}"
    assert "kubectl" in (error.mend or "")


def test_exec_is_never_run(tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [str(proof)]}
    refused(config(user={"token": None, "exec": run}))
    assert not proof.exists()


def test_a_python_object_in_the_yaml_is_never_made(tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    assert refused(f"!!python/object/apply:os.mkdir ['{proof}']").field == "kubeconfig"
    assert not proof.exists()


def test_an_authority_by_path_is_refused() -> None:
    error = refused(config(cluster={"certificate-authority": "/etc/ca.pem"}))
    assert error.field == "clusters[c].cluster.certificate-authority"
    assert "--flatten --minify" in (error.mend or "")


@pytest.mark.parametrize("field", ["username", "password", "as", "as-groups", "as-uid", "as-user-extra"])
def test_what_is_not_supported_is_refused_and_not_ignored(field: str) -> None:
    assert refused(config(user={field: ["x"] if field == "as-groups" else "x"})).field == f"users[u].user.{field}"


@pytest.mark.parametrize(
    "server",
    ["", 5, "10.1.2.3:6443", "ftp://host", "https://", "https://u:p@host", "https://host?x=1", "https://host:99999"],
)
def test_a_broken_server_address_is_refused(server: Any) -> None:
    assert refused(config(cluster={"server": server})).field == "clusters[c].cluster.server"


def test_plain_http_is_for_loopback_alone() -> None:
    assert refused(config(cluster={"server": "http://10.1.2.3:8080"})).mend == "use https"
    assert parse_kubeconfig(yaml.safe_dump(config(cluster={"server": "http://127.0.0.1:8080"}))).server


@pytest.mark.parametrize("proxy", ["socks5://host:1080", "host:3128", 3128])
def test_a_proxy_that_cannot_be_used_is_refused(proxy: Any) -> None:
    assert refused(config(cluster={"proxy-url": proxy})).field == "clusters[c].cluster.proxy-url"


@pytest.mark.parametrize("data", ["%%%", encoded("no certificate"), base64.b64encode(b"\xff\xfe").decode()])
def test_an_authority_that_is_none_is_refused(data: str) -> None:
    error = refused(config(cluster={"certificate-authority-data": data}))
    assert error.field == "clusters[c].cluster.certificate-authority-data"


def test_half_a_client_certificate_is_refused() -> None:
    half = {"token": None, "client-certificate-data": encoded(CLIENT.certificate)}
    assert refused(config(user=half)).field == "users[u].user.client-key-data"


def test_a_key_that_is_none_is_refused() -> None:
    user = {"client-certificate-data": encoded(CLIENT.certificate), "client-key-data": encoded("no key")}
    assert refused(config(user=user)).field == "users[u].user.client-key-data"


def test_no_credentials_are_refused() -> None:
    assert refused(config(user={"token": None})).field == "users[u].user"


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "tök"])
def test_a_token_that_would_break_the_header_is_refused(token: str) -> None:
    assert refused(config(user={"token": token})).field == "users[u].user.token"


@pytest.mark.parametrize(
    "text", ["", "just text", "- a list", "a: [", "kind: Pod", "[" * 5000, "a: " + "x" * 1_100_000]
)
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    assert refused(text).field in {"kubeconfig", "current-context"}


def test_a_yaml_error_names_its_line() -> None:
    assert "line 2" in str(refused("kind: Config\n  a: b: c\n"))


def test_the_named_context_is_used() -> None:
    two = config()
    two["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "u"}})
    assert parse_kubeconfig(yaml.safe_dump(two), context="other").namespace == "default"


def test_an_unknown_context_lists_the_known_ones() -> None:
    error = refused(config(), context="prod")
    assert (error.field, error.mend) == ("context", "one of dev")


def test_the_only_context_needs_no_current_one() -> None:
    single = config()
    del single["current-context"]
    assert parse_kubeconfig(yaml.safe_dump(single)).token == "abc.def"


def test_two_contexts_and_no_current_one_are_refused() -> None:
    two = config()
    del two["current-context"]
    two["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "u"}})
    assert refused(two).field == "current-context"


@pytest.mark.parametrize(("section", "field"), [("clusters", "clusters"), ("users", "users")])
def test_a_context_that_points_nowhere_is_refused(section: str, field: str) -> None:
    broken = config()
    broken[section] = []
    assert refused(broken).field == field


def test_what_other_contexts_hold_does_not_matter() -> None:
    many = config()
    many["users"].append({"name": "other", "user": {"exec": {"command": "x"}}})
    assert parse_kubeconfig(yaml.safe_dump(many)).token == "abc.def"


def test_insecure_beside_an_authority_is_refused() -> None:
    error = refused(config(cluster={"insecure-skip-tls-verify": True}))
    assert error.field == "clusters[c].cluster.insecure-skip-tls-verify"


def test_insecure_alone_is_said_in_the_connection() -> None:
    cluster = {"insecure-skip-tls-verify": True, "certificate-authority-data": None}
    assert parse_kubeconfig(yaml.safe_dump(config(cluster=cluster))).insecure_skip_tls_verify


def test_secrets_never_stand_in_an_error() -> None:
    for broken in (config(user={"token": "s3cr3t x"}), config(user={"password": "s3cr3t"})):
        assert "s3cr3t" not in str(refused(broken))


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just("c"), st.just("u"))
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


@given(junk=JUNK, data=st.data())
def test_any_shape_of_yaml_is_read_or_refused_in_words(junk: Any, data: st.DataObject) -> None:
    """One value anywhere in a good kubeconfig is replaced by anything at all."""
    broken = config(user={"client-certificate-data": encoded(CLIENT.certificate), "client-key-data": "x"})
    at: Any = broken
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], (dict, list)) or not at[key] or data.draw(st.booleans()):
            at[key] = junk
            break
        at = at[key]
    with contextlib.suppress(InvalidInput):
        parse_kubeconfig(yaml.safe_dump(broken))


BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
"""Twelve lines that stand for 9^11 items, were they written out."""


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("contexts: [{name: *a11}]", "current-context"),
        (
            "current-context: dev\n"
            "contexts: [{name: dev, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://10.1.2.3', proxy-url: *a11}}]\n"
            "users: [{name: u, user: {token: t}}]",
            "clusters[c].cluster.proxy-url",
        ),
    ],
)
def test_aliases_are_never_written_out(text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as e:
        parse_kubeconfig(f"{BOMB}\n{text}")
    assert e.value.field == field


@pytest.mark.parametrize("url", ["socks5://10.0.0.1:1", "file:///etc/passwd", "http://", "http://[::1", "http://h:x"])
def test_a_proxy_that_is_none_is_refused_without_showing_its_password(url: str) -> None:
    text = yaml.safe_dump(config(cluster={"proxy-url": url.replace("//", "//user:hidden@")}))
    with pytest.raises(InvalidInput) as e:
        parse_kubeconfig(text)
    assert e.value.field == "clusters[c].cluster.proxy-url"
    assert "hidden" not in str(e.value)
