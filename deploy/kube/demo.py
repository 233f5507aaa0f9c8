"""Run as `python -m deploy.kube.demo FOLDER KUBECONFIG`: the development cluster of the demo fleet on a real control
plane, for `plimsoll up --cluster kube`.

    1. the control plane: etcd, apiserver, controller-manager, scheduler, and kwok for the nodes
    2. the sandbox beside it, whose traffic and metrics go on as they are: it plays the requests and the Prometheus
    3. every object that people made in the sandbox's eu-dev is created on the control plane, by the same field manager,
       so that what Argo CD and Flux own is seen to be theirs; what controllers make from them, real controllers make
    4. the kubeconfig, and beside it `metrics.json`: context -> address and CA of its Prometheus
    5. until SIGTERM or Ctrl-C

Volumes are left out, since nothing here provisions any.
"""

from __future__ import annotations

import base64
import json
import signal
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
from deploy.kube.processes import Child, free_port

CLUSTER = "eu-dev"
SERVER_FIELDS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")

# In the order in which they can be created.
PATHS = (
    "/api/v1/nodes",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/api/v1/namespaces",
    "/apis/networking.k8s.io/v1/ingressclasses",
    "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
    "/api/v1/services",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/cronjobs",
    "/api/v1/pods",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/gateway.networking.k8s.io/v1/gateways",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/traefik.io/v1alpha1/ingressroutes",
    "/apis/keda.sh/v1alpha1/scaledobjects",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/policy/v1/poddisruptionbudgets",
)

Object = dict[str, Any]


class SandboxOf:
    """The sandbox as another process, and a client of its one cluster."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "sandbox-kubeconfig"
        self._config.unlink(missing_ok=True)
        port = _kept_port(folder / "sandbox-port")
        command = [sys.executable, "-m", "portal.cli", "sandbox", "serve", "--port", str(port)]
        command += ["--kubeconfig", str(self._config), "--state", str(folder / "sandbox")]
        self.child = Child(command, log=folder / "sandbox.log")
        self.child.wait_until(self._listens, seconds=120)

    def _listens(self) -> bool:
        if not self._config.exists():
            return False
        try:
            with self.client() as client:
                return client.get("/version").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _entry(self, kind: str) -> Object:
        config = yaml.safe_load(self._config.read_text())
        context = next(each["context"] for each in config["contexts"] if each["name"] == CLUSTER)
        name = context[kind]
        return next(each[kind] for each in config[f"{kind}s"] if each["name"] == name)

    @property
    def server(self) -> str:
        return str(self._entry("cluster")["server"])

    @property
    def ca_pem(self) -> str:
        return base64.b64decode(self._entry("cluster")["certificate-authority-data"]).decode()

    def client(self) -> httpx.Client:
        trust = ssl.create_default_context(cadata=self.ca_pem)
        headers = {"Authorization": f"Bearer {self._entry('user')['token']}"}
        return httpx.Client(base_url=self.server, verify=trust, headers=headers, timeout=30, trust_env=False)


def _kept_port(file: Path) -> int:
    if not file.exists():
        file.write_text(str(free_port()))
    return int(file.read_text())


def made_by_people(source: httpx.Client, path: str) -> Iterator[tuple[Object, str]]:
    """The objects of one list that no controller owns, ready to be created, each with its field manager."""
    answer = source.get(path)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return
    body = answer.raise_for_status().json()
    for item in body["items"]:
        meta = item["metadata"]
        if meta.get("ownerReferences") or meta.get("namespace", "").startswith("kube-"):
            continue
        managers = meta.get("managedFields") or [{}]
        kind = {"apiVersion": body["apiVersion"], "kind": body["kind"].removesuffix("List")}
        yield cleaned({**item, **kind}), managers[0].get("manager") or "kubectl"


def cleaned(item: Object) -> Object:
    """Without what a server or a controller put there."""
    meta = {key: value for key, value in item["metadata"].items() if key not in SERVER_FIELDS}
    made: Object = {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": meta}
    made |= {key: value for key, value in item.items() if key not in (*made, "status")}
    spec = made.get("spec") or {}
    if made["kind"] == "Node":
        meta["annotations"] = {**meta.get("annotations", {}), "kwok.x-k8s.io/node": "fake"}
        meta["labels"] = {**meta.get("labels", {}), "type": "kwok"}
        made["status"] = {key: item["status"][key] for key in ("capacity", "allocatable") if key in item["status"]}
    if made["kind"] == "Service":
        made["spec"] = {key: value for key, value in spec.items() if not key.startswith(("clusterIP", "ipFamil"))}
    if made["kind"] == "Pod":
        made["spec"] = {key: value for key, value in spec.items() if key not in ("nodeName", "serviceAccountName")}
    if "template" in spec:
        pod = spec["template"]["spec"]
        for key in ("volumes", "serviceAccountName", "serviceAccount"):
            pod.pop(key, None)
        for container in pod["containers"]:
            container.pop("volumeMounts", None)
        spec.pop("volumeClaimTemplates", None)
    return made


def copy(source: httpx.Client, target: httpx.Client) -> list[str]:
    """Creates everything; what is there already stays as it is. Returns what the server refused, with its words."""
    refused = []
    for path in PATHS:
        for item, manager in made_by_people(source, path):
            meta = item["metadata"]
            group, _, plural = path.rpartition("/")
            where = f"{group}/namespaces/{meta['namespace']}/{plural}" if meta.get("namespace") else path
            answer = target.post(where, json=item, params={"fieldManager": manager})
            if answer.status_code not in (httpx.codes.CREATED, httpx.codes.OK, httpx.codes.CONFLICT):
                refused.append(f"{item['kind']} {meta['name']}: {answer.json().get('message', answer.text)[:300]}")
        if path.endswith("customresourcedefinitions"):
            _until_served(target)
    return refused


def _until_served(target: httpx.Client) -> None:
    """CRDs are served a moment after they were created."""
    pause = threading.Event()
    for _ in range(100):
        items = target.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").json()["items"]
        ready = [any(c["type"] == "Established" and c["status"] == "True" for c in _conditions(i)) for i in items]
        if all(ready):
            return
        pause.wait(0.1)


def _conditions(item: Object) -> list[Object]:
    found: list[Object] = item.get("status", {}).get("conditions") or []
    return found


def kubeconfig_of(plane: ControlPlane) -> str:
    """The administrator's kubeconfig with the fleet's name for the cluster."""
    config = yaml.safe_load(plane.kubeconfig())
    config["contexts"] = [{**config["contexts"][0], "name": CLUSTER}]
    config["current-context"] = CLUSTER
    return yaml.safe_dump(config)


def main() -> None:
    folder, kubeconfig = Path(sys.argv[1]), Path(sys.argv[2])
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    try:
        found = assets.find()
    except assets.AssetsMissing as missing:
        sys.exit(f"error: {missing}")
    (folder / "plane").mkdir(parents=True, exist_ok=True)
    with ControlPlane(folder=folder / "plane", assets=found, audit=False) as plane:
        sandbox = SandboxOf(folder)
        try:
            with sandbox.client() as source, plane.client() as target:
                for line in copy(source, target):
                    sys.stderr.write(f"not created: {line}\n")
            metrics = {CLUSTER: {"url": f"{sandbox.server}/prometheus", "ca_pem": sandbox.ca_pem}}
            (folder / "metrics.json").write_text(json.dumps(metrics))
            fresh = kubeconfig.with_suffix(".new")
            fresh.write_text(kubeconfig_of(plane))
            fresh.chmod(0o600)
            fresh.replace(kubeconfig)
            stop.wait()
        finally:
            sandbox.child.stop()


if __name__ == "__main__":
    main()
