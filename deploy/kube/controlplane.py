"""A real Kubernetes control plane on loopback: etcd, apiserver, controller-manager, scheduler, kwok.

    with ControlPlane(folder=tmp_path, assets=assets.find()) as plane:
        plane.add_nodes(10)
        text = plane.kubeconfig()

Steps of `start`: etcd; apiserver (ready when /readyz says so); controller-manager, scheduler and kwok
beside each other. Pods of kwok's nodes run by its default
stages and use no CPU. All state lies under `folder`; a second `start` on the same folder goes on
with the same state.
"""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from deploy.kube.credentials import Credentials
from deploy.kube.processes import Child, free_port

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}

NODE_LABELS = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "type": "kwok"}
NODE_CAPACITY = {"cpu": "32", "memory": "128Gi", "pods": "256", "ephemeral-storage": "500Gi"}


class ControlPlane:
    """Starts, feeds, restarts and stops one control plane. Not safe for use by two threads at once."""

    def __init__(self, *, folder: Path, assets: Path, audit: bool = True) -> None:
        self.folder = folder
        self.assets = assets
        self.audit_log = folder / "audit.log"
        self._audit = audit
        self._children: dict[str, Child] = {}
        self.credentials = Credentials(folder)
        self._etcd_port = free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each part, by its name."""
        return {name: child.pid for name, child in self._children.items()}

    def start(self) -> None:
        """Starts every part; raises ProcessFailed with the end of a log, and leaves nothing running."""
        try:
            self._start_etcd()
            self.start_apiserver()
            self._start_controllers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops every part, clients first. Nothing keeps running, whatever fails on the way."""
        for name in ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            child = self._children.pop(name, None)
            if child is not None:
                child.stop(grace_seconds=5)

    def stop_apiserver(self) -> None:
        """Kills the apiserver as a crash would: every watch of every client breaks at once."""
        self._children.pop("kube-apiserver").kill()

    def start_apiserver(self) -> None:
        """Starts the apiserver on the port it had before; returns when it is ready."""
        child = self._spawn("kube-apiserver", *self._apiserver_flags())
        child.wait_until(self._is_ready, seconds=90)

    def restart_apiserver(self) -> None:
        """A crash and a new start: every watch breaks, and history before it cannot be watched from."""
        self.stop_apiserver()
        self.start_apiserver()

    def kubeconfig(self, *, user: str = "admin") -> str:
        """A self-contained kubeconfig text for `user` (one of credentials.USERS)."""
        return self.credentials.kubeconfig(self.credentials.token(user), user=user)

    def client(self, *, user: str = "admin") -> httpx.Client:
        """An HTTP client that speaks to the apiserver as `user`; the caller closes it."""
        trust = ssl.create_default_context(cadata=self.credentials.ca_file.read_text())
        headers = {"Authorization": f"Bearer {self.credentials.token(user)}"}
        return httpx.Client(base_url=self.credentials.url, verify=trust, headers=headers, timeout=30, trust_env=False)

    def add_nodes(self, count: int, *, prefix: str = "kwok") -> None:
        """Registers `count` nodes that kwok plays: 32 CPU, 128 GiB and 256 pods each."""
        with self.client() as client:
            for number in range(count):
                name = f"{prefix}-{number:04d}"
                client.post("/api/v1/nodes", json=make_node(name)).raise_for_status()

    def audit_events(self, *, user: str | None = None) -> Iterator[dict[str, Any]]:
        """The audit log's events so far, oldest first, of one user or of all. Needs `audit=True`."""
        with self.audit_log.open() as lines:
            for line in lines:
                event = json.loads(line)
                if user is None or event["user"].get("username") == user:
                    yield event

    def _spawn(self, name: str, *flags: str) -> Child:
        child = Child([str(self.assets / name), *flags], log=self.folder / f"{name}.log")
        self._children[name] = child
        return child

    def _start_etcd(self) -> None:
        url = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{free_port()}"
        child = self._spawn(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--force-new-cluster",  # the peer port differs at each start
            "--unsafe-no-fsync",  # a throw-away cluster: speed before safety
            "--log-level=warn",
        )
        child.wait_until(lambda: _answers(f"{url}/health"), seconds=30)

    def _apiserver_flags(self) -> list[str]:
        flags = [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--secure-port={self.credentials.port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.folder / 'certs'}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={self.folder / 'sa.key'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
        ]
        if self._audit:
            policy = self.folder / "audit-policy.yaml"
            policy.write_text(yaml.safe_dump(AUDIT_POLICY))
            flags += [
                f"--audit-policy-file={policy}",
                f"--audit-log-path={self.audit_log}",
                "--audit-log-maxsize=1000",
            ]
        return flags

    def _start_controllers(self) -> None:
        self._spawn(
            "kube-controller-manager",
            f"--kubeconfig={self.credentials.kubeconfig_file('system:kube-controller-manager')}",
            f"--service-account-private-key-file={self.folder / 'sa.key'}",
            f"--root-ca-file={self.credentials.ca_file}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            "--controllers=*,-nodeipam,-node-route-controller,-cloud-node-lifecycle-controller",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
        )
        self._spawn(
            "kube-scheduler",
            f"--config={self._scheduler_file()}",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
        )
        stages = self.folder / "stages.yaml"
        parts = [path.read_text() for path in sorted((self.assets / "kwok-stages").glob("*.yaml"))]
        stages.write_text("\n---\n".join(parts))
        self._spawn(
            "kwok",
            f"--kubeconfig={self.credentials.kubeconfig_file('kwok')}",
            f"--config={stages}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{free_port()}",
        )

    def _scheduler_file(self) -> Path:
        path = self.folder / "scheduler.yaml"
        connection = {
            "kubeconfig": str(self.credentials.kubeconfig_file("system:kube-scheduler")),
            "qps": 300,
            "burst": 600,
        }
        config = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": connection,
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def _is_ready(self) -> bool:
        if not self.credentials.ca_file.exists():
            return False
        with self.client() as client:
            try:
                return client.get("/readyz").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False


def make_node(name: str, *, capacity: dict[str, str] | None = None) -> dict[str, Any]:
    """A node object that kwok will play; `capacity` replaces NODE_CAPACITY."""
    size = capacity or NODE_CAPACITY
    labels = {**NODE_LABELS, "kubernetes.io/hostname": name}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"capacity": size, "allocatable": size},
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
