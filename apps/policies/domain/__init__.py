"""Deciding which idle workloads sleep and which sleeping ones wake. Pure: no Django, no clock, no network.

spec, parse         a policy's object -> a frozen Spec, or every bad field by name
selectors, match    which workloads a policy covers; which of several policies counts
routes              Ingress, HTTPRoute, VirtualService, IngressRoute -> Service -> workload
traffic_templates   the PromQL of each source, batched: a few queries for a whole cluster
traffic             what the answers mean: requests by backend, and whether the source saw all of the window
idle                Traffic, Silence or Unknown for one workload
schedule            windows in a time zone
gitops              who else owns a workload's replicas
memory              what is remembered of a workload between two ticks
asleep, awake       what to do with a workload in that state
decide              all of it: Snapshot in, Decisions out
"""
