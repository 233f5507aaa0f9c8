"""Quantities, ages, JSON paths, protobuf, certificates, kubeconfigs."""

from __future__ import annotations

import ssl
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from apps.sandbox.kubeapi import protobuf, quantity
from apps.sandbox.kubeapi.ages import human_duration
from apps.sandbox.kubeapi.errors import BadRequest
from apps.sandbox.kubeapi.jsonpath import compile_path
from apps.sandbox.kubeapi.kubeconfig import Context, write_kubeconfig
from apps.sandbox.kubeapi.tls import make_certificates


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1536Mi", "1536Mi"), ("1e3", "1e3"), ("100", "100"),
        ("0", "0"), ("0Gi", "0"), ("1.5Gi", "1536Mi"), ("2000k", "2M"), ("-1500m", "-1500m"), ("0.1Ki", "102400m"),
        ("1000000", "1M"), ("1500", "1500"),
    ],
)  # fmt: skip
def test_quantities_get_the_servers_spelling(text: str, want: str) -> None:
    assert quantity.canonical(text) == want


@pytest.mark.parametrize("text", ["", "1x", "Gi", "1 Gi", "--1", "1ee3"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.parse(text)


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(["n", "u", "m", "", "k", "M", "G", "Ki", "Mi", "Gi"]),
)
def test_the_servers_spelling_keeps_the_value(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert quantity.parse(quantity.canonical(text)) == quantity.parse(text)
    assert quantity.canonical(quantity.canonical(text)) == quantity.canonical(text)
    assert isinstance(quantity.parse(text), Decimal)


@pytest.mark.parametrize(
    ("seconds", "want"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (185, "3m5s"), (600, "10m"), (10799, "179m"), (10800, "3h"),
        (11000, "3h3m"), (28800, "8h"), (172799, "47h"), (172800, "2d"), (180000, "2d2h"), (691200, "8d"),
        (63072000, "2y"), (70000000, "2y80d"), (252288000, "8y"), (-5, "<invalid>"),
    ],
)  # fmt: skip
def test_ages_are_those_of_kubectl(seconds: int, want: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == want


@pytest.mark.parametrize(
    ("path", "want"),
    [
        (".a.b", [1]),
        ("a.b", [1]),
        (".list[0].name", ["x"]),
        (".list[-1].name", ["y"]),
        (".list[*].name", ["x", "y"]),
        ('.list[?(@.name=="y")].value', [2]),
        (".list[?(@.name!='y')].value", [1]),
        (".map['a.b/c']", ["dotted"]),
        (r".map.a\.b/c", ["dotted"]),
        (".nothing.here", []),
    ],
)
def test_json_paths_find_what_columns_show(path: str, want: list[object]) -> None:
    value = {
        "a": {"b": 1},
        "list": [{"name": "x", "value": 1}, {"name": "y", "value": 2}],
        "map": {"a.b/c": "dotted"},
    }
    assert compile_path(path)(value) == want


def test_a_protobuf_namespace_is_read() -> None:
    body = bytes.fromhex(
        "6b3873000a0f0a02763112094e616d657370616365121c0a140a0464656d6f12001a0022002a0032003800420012001a020a001a002200"
    )
    assert protobuf.decode(body) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "demo"},
        "spec": {},
        "status": {},
    }


@pytest.mark.parametrize("body", [b"", b"k8s", b"json", b"k8s\x00\x0a\xff"])
def test_a_broken_protobuf_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        protobuf.decode(body)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_protobuf_reader(noise: bytes) -> None:
    head = bytes.fromhex("6b3873000a090a0276311203506f64")
    try:
        protobuf.decode(head + noise)
    except BadRequest:
        pass


def test_certificates_are_made_once_and_trusted(tmp_path: Path) -> None:
    first = make_certificates(tmp_path)
    again = make_certificates(tmp_path)
    assert first.ca_pem == again.ca_pem
    assert first.key_file.stat().st_mode & 0o777 == 0o600
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(first.cert_file, first.key_file)
    assert ssl.create_default_context(cadata=first.ca_pem.decode()).get_ca_certs()


def test_a_kubeconfig_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config"
    contexts = {
        name: Context(server=f"https://127.0.0.1:1/clusters/{name}", token="t", ca_pem=b"pem", namespace="n")
        for name in ("one", "two")
    }
    write_kubeconfig(path, contexts=contexts)
    assert path.stat().st_mode & 0o777 == 0o600
    config = yaml.safe_load(path.read_text())
    assert config["current-context"] == "one"
    assert [entry["name"] for entry in config["contexts"]] == ["one", "two"]
    assert config["clusters"][1]["cluster"]["server"].endswith("/clusters/two")
