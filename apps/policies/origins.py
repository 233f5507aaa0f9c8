"""Who owns a policy object: Plimsoll and kubectl, or a GitOps tool that would write it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.policies.domain.gitops import ARGO_INSTANCE, ARGO_MANAGER, ARGO_TRACKING, FLUX_HELM, FLUX_KUSTOMIZE
from apps.policies.models import Origin

FLUX_MANAGERS = frozenset({"kustomize-controller", "helm-controller"})


def origin_of(obj: Mapping[str, Any]) -> tuple[Origin, str]:
    """(origin, the owner's name); the name is "" for one that only lives in the cluster."""
    meta = obj.get("metadata") or {}
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    managers = {str(entry.get("manager", "")) for entry in meta.get("managedFields") or ()}
    if ARGO_TRACKING in annotations or (ARGO_INSTANCE in labels and ARGO_MANAGER in managers):
        app = str(annotations.get(ARGO_TRACKING, "")).partition(":")[0] or labels.get(ARGO_INSTANCE, "")
        return Origin.EXTERNAL, f"Argo CD Application {app}"
    if FLUX_KUSTOMIZE in labels or managers & FLUX_MANAGERS:
        return Origin.EXTERNAL, f"Flux Kustomization {labels.get(FLUX_KUSTOMIZE, '')}".strip()
    if FLUX_HELM in labels:
        return Origin.EXTERNAL, f"Flux HelmRelease {labels[FLUX_HELM]}"
    return Origin.CLUSTER, ""
