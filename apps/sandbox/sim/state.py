"""Keeps a cluster on disk, so that a restart finds what was put to sleep still asleep.

One file a cluster: gzipped JSON of all objects as stored, the changes between awake and asleep, and the moment its
history begins. Written beside and renamed, so that a reader finds the old or the new one, whole.
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.sandbox.kubeapi.builtin import CRDS
from apps.sandbox.sim.cluster import SimCluster

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """What one file holds."""

    origin_ms: int
    saved_ms: int
    version: int
    objects: list[dict[str, Any]]
    moments: dict[str, list[list[float]]]


def snapshot(cluster: SimCluster) -> Saved:
    """What is to be written; cheap, for stored objects are never changed in place."""
    store = cluster.store
    with store.lock:
        kinds = {resource.key: resource for resource in store.registry.all()}
        objects = [obj for resource in kinds.values() for obj in store.items(resource)]
        moments = {key: [list(pair) for pair in pairs] for key, pairs in cluster.served.moments().items()}
        return Saved(cluster.origin_ms, cluster.now_ms(), store.version, objects, moments)


def write(folder: Path, *, name: str, saved: Saved, seed: int) -> None:
    """Replace the cluster's file. Raises OSError when it cannot be written; the old file then still stands."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    body = {
        "schema_version": SCHEMA_VERSION, "seed": seed, "origin_ms": saved.origin_ms, "saved_ms": saved.saved_ms,
        "version": saved.version, "moments": saved.moments, "objects": saved.objects,
    }  # fmt: skip
    draft, final = folder / f".{name}.json.gz.new", folder / f"{name}.json.gz"
    with draft.open("wb") as raw, gzip.open(raw, "wt", compresslevel=1, encoding="utf-8") as out:
        json.dump(body, out, separators=(",", ":"))
    os.replace(draft, final)


def read(folder: Path, *, name: str, seed: int) -> Saved | None:
    """The cluster's file; None when there is none, it is of another seed or schema, or it cannot be read."""
    path = folder / f"{name}.json.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            body = json.load(file)
        if body["schema_version"] != SCHEMA_VERSION or body["seed"] != seed:
            return None
        return Saved(body["origin_ms"], body["saved_ms"], body["version"], body["objects"], body["moments"])
    except (OSError, EOFError, ValueError, KeyError):
        return None


def restore(cluster: SimCluster, *, saved: Saved) -> None:
    """Give a new cluster the saved objects and sleeps. Its visitors must be there already."""
    store = cluster.store
    crds = [obj for obj in saved.objects if obj["kind"] == "CustomResourceDefinition"]
    for obj in crds:
        store.restore(CRDS, obj=obj, announce=True)
    for obj in saved.objects:
        resource = store.registry.of_kind(obj["apiVersion"], kind=obj["kind"])
        if resource is not None and resource.key != CRDS.key:
            store.restore(resource, obj=obj)
    store.resume(version=saved.version, seed=cluster.seed * 1_000_003 + saved.version)
    for workload, pairs in saved.moments.items():
        for moment, awake in pairs:
            cluster.served.set_awake(workload, awake=bool(awake), at_ms=int(moment))
    cluster.kubelet.addresses = saved.version
    cluster.awake.rescan(cluster.demand.rows_of)
    if cluster.state is not None:
        cluster.state.rescan()
    cluster.manager.touch_all()
