"""All controllers of a cluster, in the order in which they first look at it."""

from __future__ import annotations

from apps.sandbox.controllers.autoscale import Autoscalers, Utilisation
from apps.sandbox.controllers.cron import CronJobs
from apps.sandbox.controllers.daemon import DaemonSets
from apps.sandbox.controllers.deployment import Deployments
from apps.sandbox.controllers.disruption import DisruptionBudgets
from apps.sandbox.controllers.endpoints import EndpointSlices
from apps.sandbox.controllers.job import Jobs
from apps.sandbox.controllers.kubelet import Kubelet
from apps.sandbox.controllers.manager import Manager, World
from apps.sandbox.controllers.replication import ReplicaSets
from apps.sandbox.controllers.scheduler import Scheduler
from apps.sandbox.controllers.stateful import StatefulSets
from apps.sandbox.controllers.volumes import VolumeBinder
from apps.sandbox.kubeapi import builtin as k


def install(
    world: World, *, utilisation: Utilisation = lambda kind, namespace, name: None, kubelet: Kubelet | None = None
) -> Manager:
    """A manager with the controllers that move pods; `drain` it to let them act.

    Garbage collection, namespaces and quotas are the API side's own (`kubeapi.cluster`).
    """
    manager = Manager(world)
    manager.add(Deployments(world), watches=[k.DEPLOYMENTS, k.REPLICASETS])
    manager.add(ReplicaSets(world), watches=[k.REPLICASETS, k.PODS])
    manager.add(StatefulSets(world), watches=[k.STATEFULSETS, k.PODS])
    manager.add(DaemonSets(world), watches=[k.DAEMONSETS, k.NODES, k.PODS])
    manager.add(CronJobs(world), watches=[k.CRONJOBS, k.JOBS])
    manager.add(Jobs(world), watches=[k.JOBS, k.PODS])
    manager.add(Scheduler(world), watches=[k.NODES, k.PODS])
    manager.add(kubelet or Kubelet(world), watches=[k.PODS])
    manager.add(VolumeBinder(world), watches=[k.PERSISTENTVOLUMECLAIMS, k.PERSISTENTVOLUMES, k.PODS])
    manager.add(EndpointSlices(world), watches=[k.SERVICES, k.PODS])
    manager.add(Autoscalers(world, utilisation), watches=[k.HPAS])
    manager.add(DisruptionBudgets(world), watches=[k.PDBS, k.PODS])
    return manager
