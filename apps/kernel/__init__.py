"""The shared kernel: the words every part of Plimsoll speaks. Standard library only.

vocab      what a fleet is made of: clusters, nodes, workloads, pods, volumes, and the Snapshot of them
marks      the annotation on a workload that sleeps, written and read
decisions  what Plimsoll concludes about a Snapshot, with reason, evidence and refused alternatives
actions    what it does to the world, as data: steps, preconditions, inverse
ports      what it needs from the outside, as Protocols
kinds      the Kubernetes kinds it knows by name
errors     everything that can go wrong, as one tree
units      quantities, durations, percentages
clock      where time comes from
serialise  dataclasses to JSON and back, with schema versions
"""
