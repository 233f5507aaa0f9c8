"""Who else writes a workload's replicas: Argo CD or Flux, and what to paste so that they leave them to Plimsoll.

Argo CD is told by its tracking annotation, or by the instance label together with field manager `argocd-controller`;
the label alone is Helm's too. Flux is told by its own labels or field managers.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.kernel.vocab import Workload

ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
ARGO_INSTANCE = "app.kubernetes.io/instance"
ARGO_MANAGER = "argocd-controller"
FLUX_KUSTOMIZE = "kustomize.toolkit.fluxcd.io/name"
FLUX_HELM = "helm.toolkit.fluxcd.io/name"
ALLOW = "plimsoll.dev/owns-replicas"
"""Set to "true" on a workload once its GitOps tool has been told to leave the replicas alone."""


@dataclass(frozen=True, slots=True)
class GitOps:
    """`tool` is Argo CD or Flux, `owner` its object, `mend` the YAML and the command to paste."""

    tool: str
    owner: str
    mend: str


def gitops_owner(workload: Workload) -> GitOps | None:
    """Who owns the replicas, or None: nobody, or somebody who was told to leave them alone."""
    if workload.annotations.get(ALLOW) == "true":
        return None
    tracking = workload.annotations.get(ARGO_TRACKING)
    instance = workload.labels.get(ARGO_INSTANCE)
    if tracking or (instance and ARGO_MANAGER in workload.field_managers):
        app = (tracking or "").partition(":")[0] or instance or ""
        return GitOps("Argo CD", f"Application {app}", _argo(workload))
    if FLUX_KUSTOMIZE in workload.labels or "kustomize-controller" in workload.field_managers:
        name = workload.labels.get(FLUX_KUSTOMIZE, "")
        return GitOps("Flux", f"Kustomization {name}".strip(), _kustomization(workload))
    if FLUX_HELM in workload.labels or "helm-controller" in workload.field_managers:
        name = workload.labels.get(FLUX_HELM, "")
        return GitOps("Flux", f"HelmRelease {name}".strip(), _helm_release(workload))
    return None


def _pointer(workload: Workload) -> str:
    return "/spec/suspend" if workload.ref.kind == "CronJob" else "/spec/replicas"


def _allow(workload: Workload) -> str:
    ref = workload.ref
    return f"kubectl annotate {ref.kind.lower()}/{ref.name} --namespace {ref.namespace} {ALLOW}=true"


def _argo(workload: Workload) -> str:
    ref = workload.ref
    return f"""\
# In the Application:
spec:
  ignoreDifferences:
  - group: {ref.group}
    kind: {ref.kind}
    namespace: {ref.namespace}
    name: {ref.name}
    jsonPointers:
    - {_pointer(workload)}
  syncPolicy:
    syncOptions:
    - RespectIgnoreDifferences=true
# Then:
# {_allow(workload)}"""


def _kustomization(workload: Workload) -> str:
    ref = workload.ref
    return f"""\
# In the Kustomization:
spec:
  patches:
  - target:
      group: {ref.group}
      kind: {ref.kind}
      namespace: {ref.namespace}
      name: {ref.name}
    patch: |
      - op: remove
        path: {_pointer(workload)}
# Then:
# {_allow(workload)}"""


def _helm_release(workload: Workload) -> str:
    ref = workload.ref
    return f"""\
# In the HelmRelease:
spec:
  driftDetection:
    ignore:
    - paths:
      - {_pointer(workload)}
      target:
        kind: {ref.kind}
        namespace: {ref.namespace}
        name: {ref.name}
# Then:
# {_allow(workload)}"""
