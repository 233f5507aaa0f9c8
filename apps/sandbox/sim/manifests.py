"""The objects that a fleet is made of, as plain manifests."""

from __future__ import annotations

from typing import Any

from apps.sandbox.sim.fleet import Node, Workload
from apps.sandbox.sim.prices import INSTANCE_TYPES

Obj = dict[str, Any]
_ARGO = "argocd.argoproj.io"


def namespace(name: str, *, labels: dict[str, str]) -> Obj:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(one: Node, *, number: int) -> Obj:
    """A Node as a cloud's managed Kubernetes labels it, with what it can allocate."""
    kind = INSTANCE_TYPES[one.instance_type]
    labels = {
        "kubernetes.io/hostname": one.name, "kubernetes.io/arch": kind.arch, "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": kind.name, "topology.kubernetes.io/region": one.region,
        "topology.kubernetes.io/zone": one.zone, "karpenter.sh/nodepool": one.pool,
        "karpenter.sh/capacity-type": "spot" if one.spot else "on-demand",
        "eks.amazonaws.com/capacityType": "SPOT" if one.spot else "ON_DEMAND",
        **({"nvidia.com/gpu.present": "true"} if kind.gpus else {}),
    }  # fmt: skip
    room: Obj = {"cpu": str(kind.cpu), "memory": f"{kind.memory_gib}Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    if kind.gpus:
        room["nvidia.com/gpu"] = str(kind.gpus)
    free = {**room, "cpu": f"{kind.cpu * 1000 - 110}m", "memory": f"{kind.memory_gib * 1024 - 600}Mi"}
    taint = [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}] if kind.gpus else None
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": one.name, "labels": labels},
        "spec": {"providerID": f"aws:///{one.zone}/i-{number:017x}", **({"taints": taint} if taint else {})},
        "status": {
            "capacity": room, "allocatable": free, "conditions": [ready],
            "addresses": [{"type": "InternalIP", "address": f"10.0.{number // 250}.{number % 250 + 2}"},
                          {"type": "Hostname", "address": one.name}],
            "nodeInfo": {
                "architecture": kind.arch, "operatingSystem": "linux", "kubeletVersion": "v1.36.3",
                "osImage": "Bottlerocket OS 1.26.1", "kernelVersion": "6.1.115", "machineID": f"{number:032x}",
                "containerRuntimeVersion": "containerd://2.0.2", "systemUUID": f"{number:032x}", "bootID": "b",
                "kubeProxyVersion": "v1.36.3",
            },
        },
    }  # fmt: skip


def labels_of(one: Workload) -> dict[str, str]:
    """What the workload's own labels are: who owns it, and who installed it."""
    labels = {"app": one.name, "app.kubernetes.io/name": one.name, "team": one.team}
    if one.owner == "helm":
        labels |= {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": one.name}
    elif one.owner == "argocd-label":
        labels |= {"app.kubernetes.io/instance": f"{one.namespace}-{one.name}"}
    elif one.owner == "flux":
        labels |= {"kustomize.toolkit.fluxcd.io/name": one.team, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    return labels


def _annotations(one: Workload) -> dict[str, str]:
    notes = dict(one.annotations)
    if one.owner == "helm":
        notes |= {"meta.helm.sh/release-name": one.name, "meta.helm.sh/release-namespace": one.namespace}
    elif one.owner == "argocd":
        application = f"{one.namespace}-{one.name}"
        notes[f"{_ARGO}/tracking-id"] = f"{application}:apps/{one.kind}:{one.namespace}/{one.name}"
    return notes


def pod_template(one: Workload) -> Obj:
    """Labels and one container with what it asks for."""
    asked: Obj = {"cpu": f"{one.cpu_millicores}m", "memory": f"{one.memory_mib}Mi"}
    limits: Obj = {"memory": f"{one.memory_mib * 2}Mi"}
    if one.gpus:
        asked["nvidia.com/gpu"] = limits["nvidia.com/gpu"] = str(one.gpus)
    container: Obj = {
        "name": one.name[:40], "image": f"registry.example/{one.team}/{one.name}:1.{one.version}",
        "ports": [{"name": "http", "containerPort": 8080}], "resources": {"requests": asked, "limits": limits},
    }  # fmt: skip
    spec: Obj = {"containers": [container]}
    if one.kind in ("CronJob", "Job"):
        spec["restartPolicy"] = "Never"
    if one.gpus:
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    return {"metadata": {"labels": {"app": one.name, "team": one.team}}, "spec": spec}


def workload(one: Workload) -> Obj:
    """The Deployment, StatefulSet, DaemonSet, CronJob, Job or Pod itself."""
    metadata: Obj = {"name": one.name, "namespace": one.namespace, "labels": labels_of(one)}
    if notes := _annotations(one):
        metadata["annotations"] = notes
    template = pod_template(one)
    if one.kind == "Pod":
        metadata["labels"] |= template["metadata"]["labels"]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    if one.kind == "CronJob":
        spec: Obj = {"schedule": one.schedule, "timeZone": one.zone, "jobTemplate": {"spec": {"template": template}}}
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}
    if one.kind == "Job":
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
    spec = {"selector": {"matchLabels": {"app": one.name}}, "template": template}
    if one.kind != "DaemonSet":
        spec["replicas"] = one.replicas
    if one.kind == "StatefulSet":
        spec |= {"serviceName": one.name, "podManagementPolicy": "Parallel"}
        if one.claim_gib:
            spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": _claim_spec(one.claim_gib)}]
    return {"apiVersion": "apps/v1", "kind": one.kind, "metadata": metadata, "spec": spec}


def service(one: Workload) -> Obj:
    """The Service in front of it."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": one.name, "namespace": one.namespace, "labels": {"app": one.name}},
        "spec": {"selector": {"app": one.name}, "ports": ports},
    }  # fmt: skip


def host(one: Workload) -> str:
    """The host name that leads to it."""
    return f"{one.name}.{one.namespace}.example.com"


def route(one: Workload) -> Obj:
    """The route that leads to its Service, of the kind its class needs."""
    metadata = {"name": one.name, "namespace": one.namespace, "labels": {"app": one.name}}
    if one.route == "envoy":
        rules = [{"matches": [{"path": {"type": "PathPrefix", "value": path}} for path in one.paths],
                  "backendRefs": [{"name": one.name, "port": 80}]}]  # fmt: skip
        spec: Obj = {"parentRefs": [{"name": "public", "namespace": "envoy-gateway-system"}],
                     "hostnames": [host(one)], "rules": rules}  # fmt: skip
        return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}
    if one.route == "istio":
        destination = {"host": f"{one.name}.{one.namespace}.svc.cluster.local", "port": {"number": 80}}
        spec = {"hosts": [host(one)], "gateways": ["istio-system/public"],
                "http": [{"route": [{"destination": destination}]}]}  # fmt: skip
        return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}
    if one.route == "traefik-crd":
        routes = [{"kind": "Rule", "match": f"Host(`{host(one)}`)", "services": [{"name": one.name, "port": 80}]}]
        spec = {"entryPoints": ["web"], "routes": routes}
        return {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": metadata, "spec": spec}
    backend = {"service": {"name": one.name, "port": {"number": 80}}}
    paths = [{"path": path, "pathType": "Prefix" if path == "/" else "Exact", "backend": backend} for path in one.paths]
    class_name = "nginx" if one.route in ("nginx", "linkerd") else one.route
    spec = {"ingressClassName": class_name, "rules": [{"host": host(one), "http": {"paths": paths}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def autoscaler(one: Workload) -> Obj:
    """Its HorizontalPodAutoscaler."""
    target = {"type": "Utilization", "averageUtilization": 70}
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": one.name, "namespace": one.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": one.kind, "name": one.name},
            "minReplicas": one.hpa[0], "maxReplicas": one.hpa[1],
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }  # fmt: skip


def disruption_budget(one: Workload) -> Obj:
    """Its PodDisruptionBudget."""
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": one.name, "namespace": one.namespace},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": one.name}}},
    }  # fmt: skip


def scaled_object(one: Workload) -> Obj:
    """Its KEDA ScaledObject."""
    trigger = {"type": "rabbitmq", "metadata": {"queueName": one.name, "mode": "QueueLength", "value": "20"}}
    return {
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"name": one.name, "namespace": one.namespace},
        "spec": {"scaleTargetRef": {"name": one.name, "kind": one.kind}, "minReplicaCount": one.replicas,
                 "maxReplicaCount": one.replicas * 4, "triggers": [trigger]},
    }  # fmt: skip


def claim(name: str, *, namespace: str, gib: int) -> Obj:
    """A PersistentVolumeClaim of its own."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace},
            "spec": _claim_spec(gib) | {"storageClassName": "gp3-immediate"}}  # fmt: skip


def _claim_spec(gib: int) -> Obj:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{gib}Gi"}}}
