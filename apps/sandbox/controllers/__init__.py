"""What makes a simulated cluster move: controllers over the store, each level-triggered from a queue of dirty keys.

manager      the queue; who is woken by which change
objects      owners, selectors, conditions, pod states: what all of them read
replication  ReplicaSet     deployment  Deployment      stateful  StatefulSet     daemon    DaemonSet
job          Job            cron        CronJob         scheduler pods to nodes   kubelet   pods live and die
endpoints    EndpointSlices autoscale   HPA             disruption PDB           volumes   PVCs to PVs
actors       not Kubernetes: KEDA, a re-applier

Garbage collection, namespaces and quotas belong to the API side (`kubeapi`): a client sees them act at once.
"""
