"""Odd requests, and the answers to them: run on any cluster, so that two can be compared.

    python -m tests.contract.http_cases KUBECONFIG > ANSWERS.json

Each case is a method, a path, a body (text is sent as it is) and its media type. They share the namespace `raw`.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

J, M = "application/json", "application/merge-patch+json"
S, A = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
P = "application/json-patch+json"
NS = "/api/v1/namespaces/raw"
CM = NS + "/configmaps"
DEP: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
    },
}
D = "/apis/apps/v1/namespaces/raw/deployments"
CASES: list[tuple[str, str, Any, str]] = [
    ("POST", "/api/v1/namespaces", {"metadata": {"name": "raw"}}, J),
    ("POST", CM, {"metadata": {"name": "a"}, "data": {"x": "1"}}, J),
    ("POST", CM, {"metadata": {"name": "b", "resourceVersion": "5"}}, J),
    ("POST", CM, {"metadata": {"name": "b", "namespace": "other"}}, J),
    ("POST", CM, {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "b"}}, J),
    ("POST", CM, {"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "b"}}, J),
    ("POST", CM, {"metadata": {}}, J),
    ("POST", CM, [], J),
    ("POST", CM, "{bad", J),
    ("POST", CM, "", J),
    ("POST", CM, {"metadata": {"name": "b"}}, "text/plain"),
    ("POST", CM + "?dryRun=Some", {"metadata": {"name": "b"}}, J),
    ("POST", CM + "?fieldValidation=Loud", {"metadata": {"name": "b"}}, J),
    ("POST", CM + "?fieldValidation=Strict", {"metadata": {"name": "b", "nmae": "x"}, "dta": {}}, J),
    ("POST", CM + "?fieldValidation=Strict", '{"metadata":{"name":"b","name":"c"}}', J),
    ("POST", CM, {"metadata": {"name": "b", "labels": {"a b": "c", "d": "e f"}}}, J),
    ("POST", CM, {"metadata": {"name": "b"}, "data": {"a b": "x"}}, J),
    ("POST", CM, {"metadata": {"name": "b"}, "data": {"n": 5}}, J),
    ("POST", CM, {"metadata": {"name": "b", "annotations": {"a": "x" * 300000}}}, J),
    ("PUT", CM + "/a", {"metadata": {"name": "other"}, "data": {}}, J),
    ("PUT", CM + "/none", {"metadata": {"name": "none"}, "data": {}}, J),
    ("PUT", CM + "/a", {"metadata": {"name": "a", "uid": "wrong"}, "data": {}}, J),
    ("PUT", CM + "/a", {"metadata": {"name": "a", "resourceVersion": "x"}, "data": {}}, J),
    ("PUT", CM, {"metadata": {"name": "a"}}, J),
    ("POST", CM + "/a", {"metadata": {"name": "a"}}, J),
    ("PATCH", CM + "/a", {"data": {"y": "2"}}, J),
    ("PATCH", CM + "/a", {"data": {"y": "2"}}, "text/weird"),
    ("PATCH", CM + "/a", [1], M),
    ("PATCH", CM + "/a?fieldValidation=Strict", {"dta": {"y": "2"}}, M),
    ("PATCH", CM + "/a?fieldValidation=Strict", {"dta": {"y": "2"}}, S),
    ("PATCH", CM + "/a", {"data": {"y": 5}}, M),
    ("PATCH", CM + "/a", {"data": {"y": 5}}, S),
    ("PATCH", CM + "/a", {"metadata": {"name": "zz"}}, M),
    ("PATCH", CM + "/a", {"metadata": {"uid": "zz"}}, M),
    ("PATCH", CM + "/a?force=true", {"data": {"y": "2"}}, M),
    ("PATCH", CM + "/none", {"data": {"y": "2"}}, M),
    ("PATCH", CM + "/a", [{"op": "bad", "path": "/x"}], P),
    ("PATCH", CM + "/a", {"op": "add"}, P),
    ("PATCH", CM + "/a", [{"op": "replace", "path": "/metadata/name", "value": "q"}], P),
    ("PATCH", CM + "/a", {"apiVersion": "v1", "kind": "ConfigMap"}, A),
    ("PATCH", CM + "/a?fieldManager=m", {"kind": "ConfigMap"}, A),
    ("PATCH", CM + "/a?fieldManager=m", {"apiVersion": "v1", "kind": "Secret"}, A),
    ("PATCH", CM + "/a?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "dta": {"x": "y"}}, A),
    ("PATCH", CM + "/a?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"x": 5}}, A),
    ("PATCH", CM + "/a?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "zz"}}, A),
    (
        "PATCH",
        CM + "/a?fieldManager=m",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": [{"manager": "x"}]}},
        A,
    ),
    (
        "PATCH",
        CM + "/a?fieldManager=m",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"resourceVersion": "1"}, "data": {"x": "1"}},
        A,
    ),
    ("PATCH", CM + "/fresh?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"x": "1"}}, A),
    (
        "PATCH",
        CM + "/fresh2?fieldManager=m",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"uid": "abc"}, "data": {"x": "1"}},
        A,
    ),
    ("PATCH", CM + "/a?fieldManager=m", "{a: [", A),
    ("DELETE", CM + "/none", None, J),
    ("DELETE", CM + "/a?propagationPolicy=Never", None, J),
    ("DELETE", CM + "/a", {"propagationPolicy": "Orphan", "orphanDependents": True}, J),
    ("DELETE", CM + "/a", {"preconditions": {"uid": "wrong"}}, J),
    ("DELETE", CM + "/a", {"preconditions": {"resourceVersion": "1"}}, J),
    ("DELETE", CM + "/a", {"gracePeriodSeconds": -1, "dryRun": ["All"]}, J),
    ("DELETE", CM + "/a?dryRun=All", None, J),
    ("GET", CM + "?limit=x", None, J),
    ("GET", CM + "?limit=-1", None, J),
    ("GET", CM + "?continue=zzz", None, J),
    ("GET", CM + "?resourceVersion=99999999", None, J),
    ("GET", CM + "?resourceVersion=x", None, J),
    ("GET", CM + "?resourceVersionMatch=Exact", None, J),
    ("GET", CM + "?resourceVersion=0&resourceVersionMatch=Exact", None, J),
    ("GET", CM + "?resourceVersion=1&resourceVersionMatch=Sometimes", None, J),
    ("GET", CM + "?resourceVersionMatch=NotOlderThan&continue=x", None, J),
    ("GET", CM + "?watch=1&timeoutSeconds=1&sendInitialEvents=true", None, J),
    ("GET", CM + "?watch=1&timeoutSeconds=1&resourceVersionMatch=NotOlderThan", None, J),
    ("GET", CM + "?watch=1&timeoutSeconds=1&resourceVersion=x", None, J),
    ("GET", CM + "?watch=1&timeoutSeconds=1&labelSelector=a===", None, J),
    ("GET", CM + "?watch=1&timeoutSeconds=1&resourceVersion=99999999", None, J),
    ("GET", CM + "?sendInitialEvents=true", None, J),
    ("GET", CM + "?labelSelector=a%20in", None, J),
    ("GET", CM + "?labelSelector=a%20in%20()", None, J),
    ("GET", CM + "?fieldSelector=metadata.name", None, J),
    ("GET", NS + "/pods?fieldSelector=spec.foo=x", None, J),
    ("GET", NS + "/none", None, J),
    ("GET", "/apis/none.io/v1/things", None, J),
    ("GET", "/apis/apps/v9/deployments", None, J),
    ("GET", "/nothing", None, J),
    ("GET", "/api/v1/nodes/none", None, J),
    ("GET", "/apis/apps", None, J),
    ("GET", "/apis/none.io", None, J),
    ("GET", "/api/v1/namespaces/nowhere/configmaps", None, J),
    ("GET", "/api/v1/namespaces/nowhere/configmaps/x", None, J),
    ("DELETE", NS + "/pods/none", None, J),
    ("POST", D, DEP, J),
    (
        "POST",
        D,
        {
            **DEP,
            "metadata": {"name": "w2"},
            "spec": {**DEP["spec"], "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}},
        },
        J,
    ),
    ("POST", D, {**DEP, "metadata": {"name": "w2"}, "spec": {"replicas": 1}}, J),
    ("POST", D, {**DEP, "metadata": {"name": "w2"}, "spec": {**DEP["spec"], "selector": {}}}, J),
    ("POST", D, {**DEP, "metadata": {"name": "w2"}, "spec": {**DEP["spec"], "selector": "x"}}, J),
    ("POST", D, {**DEP, "metadata": {"name": "w2"}, "spec": {**DEP["spec"], "strategy": {"type": "Slow"}}}, J),
    ("POST", D, {**DEP, "metadata": {"name": "W2"}}, J),
    (
        "PUT",
        D + "/web/scale",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web", "namespace": "raw"},
            "spec": {"replicas": -1},
        },
        J,
    ),
    (
        "PUT",
        D + "/web/scale",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web", "namespace": "raw"},
            "spec": {"replicas": "many"},
        },
        J,
    ),
    (
        "PUT",
        D + "/web/scale",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "zz", "namespace": "raw"},
            "spec": {"replicas": 1},
        },
        J,
    ),
    (
        "PUT",
        D + "/web/scale",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web", "namespace": "raw", "resourceVersion": "1"},
            "spec": {"replicas": 1},
        },
        J,
    ),
    (
        "PUT",
        D + "/web/scale",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web", "namespace": "raw"},
            "spec": {"replicas": 0},
        },
        J,
    ),
    ("PATCH", D + "/web/scale", {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}, M),
    ("PATCH", D + "/web/scale", [{"op": "replace", "path": "/spec/replicas", "value": 2}], P),
    ("PATCH", D + "/web/scale", {"spec": {"replicas": 2}}, S),
    ("PATCH", D + "/web/scale", {"spec": {"replicas": -2}}, M),
    ("GET", D + "/none/scale", None, J),
    ("POST", D + "/web/scale", {}, J),
    ("DELETE", D + "/web/scale", None, J),
    ("GET", D + "/web/nothing", None, J),
    ("GET", CM + "/a/status", None, J),
    ("PATCH", D + "/web/status", {"status": {"replicas": 7}}, M),
    ("PUT", D + "/web/status", {**DEP, "status": {"replicas": "x"}}, J),
    (
        "POST",
        NS + "/pods/none/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "none"}},
        J,
    ),
    (
        "POST",
        NS + "/pods/none/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}},
        J,
    ),
    ("GET", NS + "/pods/none/eviction", None, J),
    (
        "POST",
        NS + "/serviceaccounts/none/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        J,
    ),
    (
        "POST",
        NS + "/serviceaccounts/default/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 5}},
        J,
    ),
    (
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}},
        J,
    ),
    (
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
        },
        J,
    ),
    ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None, J),
    (
        "PUT",
        "/api/v1/namespaces/raw/finalize",
        {"metadata": {"name": "raw"}, "spec": {"finalizers": ["kubernetes"]}},
        J,
    ),
    ("DELETE", "/api/v1/namespaces/default", None, J),
    ("POST", NS + "/secrets", {"metadata": {"name": "s"}, "data": {"a": "not base64!"}}, J),
    ("POST", NS + "/services", {"metadata": {"name": "9s"}, "spec": {"ports": [{"port": 80}]}}, J),
    ("POST", NS + "/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}, {"port": 81}]}}, J),
    ("POST", NS + "/services", {"metadata": {"name": "s"}, "spec": {"type": "Magic", "ports": [{"port": 80}]}}, J),
    ("POST", NS + "/services", {"metadata": {"name": "s"}, "spec": {}}, J),
    (
        "POST",
        NS + "/pods",
        {
            "metadata": {"name": "p"},
            "spec": {
                "containers": [
                    {"name": "a", "image": "b", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}
                ]
            },
        },
        J,
    ),
    (
        "POST",
        NS + "/pods",
        {
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "a", "image": "b", "resources": {"requests": {"cpu": "lots"}}}]},
        },
        J,
    ),
    (
        "POST",
        NS + "/pods",
        {
            "metadata": {"name": "p"},
            "spec": {
                "containers": [
                    {"name": "a"},
                    {"name": "a", "image": "b", "ports": [{"containerPort": 0}, {"containerPort": 70000}]},
                ]
            },
        },
        J,
    ),
    (
        "POST",
        NS + "/pods",
        {
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/x"}]}]},
        },
        J,
    ),
    (
        "POST",
        NS + "/pods",
        {
            "metadata": {"name": "p"},
            "spec": {"serviceAccountName": "nobody", "containers": [{"name": "a", "image": "b"}]},
        },
        J,
    ),
    ("POST", NS + "/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "-1"}}}, J),
    (
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/raw/roles",
        {"metadata": {"name": "r"}, "rules": [{"verbs": [], "resources": ["pods"]}]},
        J,
    ),
    (
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/raw/rolebindings",
        {
            "metadata": {"name": "r"},
            "roleRef": {"kind": "Rule", "name": ""},
            "subjects": [{"kind": "ServiceAccount", "name": "x"}],
        },
        J,
    ),
    (
        "POST",
        "/apis/batch/v1/namespaces/raw/cronjobs",
        {
            "metadata": {"name": "c"},
            "spec": {
                "schedule": "x",
                "timeZone": "Mars/Base",
                "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}},
            },
        },
        J,
    ),
    (
        "POST",
        "/apis/batch/v1/namespaces/raw/jobs",
        {"metadata": {"name": "c"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}},
        J,
    ),
    ("DELETE", CM + "?labelSelector=no%3Dsuch", None, J),
    ("DELETE", CM + "/fresh", None, J),
    ("DELETE", "/api/v1/namespaces/raw", None, J),
]
# Cases whose answers differ, and why that is let be.
_GO = "the real server prints Go values or Go's own parser errors"
KNOWN: dict[str, str] = {
    'POST /api/v1/namespaces/raw/configmaps {"apiVersion": "v2"': _GO,
    "POST /api/v1/namespaces/raw/configmaps []": _GO,
    'PUT /api/v1/namespaces/raw/configmaps/a {"data": {}, "metadata": {"name": "a", "resourceVersion"': "500 there",
    "PATCH /api/v1/namespaces/raw/configmaps/a?fieldValidation=Strict": "the order of keys in the object shown",
    'PATCH /api/v1/namespaces/raw/configmaps/a {"data": {"y": 5}}': _GO,
    'PATCH /api/v1/namespaces/raw/configmaps/a?fieldManager=m {"apiVersion": "v1", "data": {"x": 5}': _GO,
    "PATCH /api/v1/namespaces/raw/configmaps/a?fieldManager=m {a: [": _GO,
    "GET /api/v1/namespaces/raw/configmaps?continue=zzz": _GO,
    "GET /api/v1/namespaces/raw/configmaps?labelSelector=a%20in ": _GO,
}
_RULES = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
    (r'resourceVersion\\*": ?\\*"\d+\\*"', "<version>"),
    (r"(current: |in record \()\d+", r"\1<version>"),
)


def name_of(case: tuple[str, str, Any, str]) -> str:
    """The case as one line, by which answers are compared."""
    method, path, body, media = case
    shown = body if isinstance(body, str) else "" if body is None else json.dumps(body, sort_keys=True)
    return f"{method} {path} {shown[:150]} ({media.rpartition('/')[2]})"


def _client(kubeconfig: Path) -> httpx.Client:
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    headers = {"Authorization": f"Bearer {user['token']}", "User-Agent": "cases/1"}
    return httpx.Client(base_url=cluster["server"], verify=trust, headers=headers, timeout=10, trust_env=False)


def answer(client: httpx.Client, case: tuple[str, str, Any, str]) -> str:
    """The status code, what the body says and the warnings, with times and identities made equal."""
    method, path, body, media = case
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    said = client.request(method, path, content=content, headers={} if content is None else {"Content-Type": media})
    shown: Any = said.text[:200]
    if said.headers["content-type"].startswith("application/json") and said.text.startswith("{"):
        try:
            parsed = said.json()
        except ValueError:  # a watch: one event a line
            parsed = json.loads(said.text.splitlines()[0])
        shown = {"kind": parsed.get("kind", parsed.get("type"))}
        if shown["kind"] == "Status":
            shown = {key: parsed.get(key) for key in ("reason", "message", "details", "code")}
    text = json.dumps([said.status_code, shown, said.headers.get_list("warning")], sort_keys=True)
    for pattern, replacement in _RULES:
        text = re.sub(pattern, replacement, text)
    return text


def run(kubeconfig: Path) -> dict[str, str]:
    """The answer to each case, in order."""
    with _client(kubeconfig) as client:
        return {name_of(case): answer(client, case) for case in CASES}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(Path(sys.argv[1])), indent=1) + "\n")
