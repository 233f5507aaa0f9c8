"""All controllers of a cluster, in the order in which they first look at it."""

from __future__ import annotations

from apps.sandbox.controllers.autoscale import Autoscalers, Utilisation
from apps.sandbox.controllers.cron import CronJobs
from apps.sandbox.controllers.daemon import DaemonSets
from apps.sandbox.controllers.deployment import Deployments
from apps.sandbox.controllers.disruption import DisruptionBudgets, QuotaUsage
from apps.sandbox.controllers.endpoints import EndpointSlices
from apps.sandbox.controllers.garbage import GarbageCollector
from apps.sandbox.controllers.job import Jobs
from apps.sandbox.controllers.kubelet import Kubelet
from apps.sandbox.controllers.manager import Manager, World
from apps.sandbox.controllers.namespace import DefaultAccounts, Namespaces
from apps.sandbox.controllers.replication import ReplicaSets
from apps.sandbox.controllers.scheduler import Scheduler
from apps.sandbox.controllers.stateful import StatefulSets
from apps.sandbox.controllers.volumes import VolumeBinder
from apps.sandbox.kubeapi import builtin as k


def install(
    world: World, *, utilisation: Utilisation = lambda kind, namespace, name: None, instant_pods: bool = False,
    ca_pem: str = "",
) -> Manager:  # fmt: skip
    """A manager with every controller of Kubernetes that the sandbox has; `drain` it to let them act."""
    manager = Manager(world)
    manager.add(DefaultAccounts(world, ca_pem), watches=[k.NAMESPACES, k.SERVICEACCOUNTS, k.CONFIGMAPS])
    manager.add(Deployments(world), watches=[k.DEPLOYMENTS, k.REPLICASETS])
    manager.add(ReplicaSets(world), watches=[k.REPLICASETS, k.PODS])
    manager.add(StatefulSets(world), watches=[k.STATEFULSETS, k.PODS])
    manager.add(DaemonSets(world), watches=[k.DAEMONSETS, k.NODES, k.PODS])
    manager.add(CronJobs(world), watches=[k.CRONJOBS, k.JOBS])
    manager.add(Jobs(world), watches=[k.JOBS, k.PODS])
    manager.add(Scheduler(world), watches=[k.NODES, k.PODS])
    manager.add(Kubelet(world, instant_pods), watches=[k.PODS])
    manager.add(VolumeBinder(world), watches=[k.PERSISTENTVOLUMECLAIMS, k.PERSISTENTVOLUMES, k.PODS])
    manager.add(EndpointSlices(world), watches=[k.SERVICES, k.PODS])
    manager.add(Autoscalers(world, utilisation), watches=[k.HPAS])
    manager.add(DisruptionBudgets(world), watches=[k.PDBS, k.PODS])
    counted = [k.PODS, k.SERVICES, k.PERSISTENTVOLUMECLAIMS, k.CONFIGMAPS, k.SECRETS]
    manager.add(QuotaUsage(world), watches=[k.RESOURCEQUOTAS, *counted])
    manager.add(Namespaces(world), watches=[k.NAMESPACES])
    garbage = GarbageCollector(world)
    manager.add_for_all(garbage)
    return manager
