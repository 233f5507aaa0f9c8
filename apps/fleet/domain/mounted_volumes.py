"""PersistentVolumeClaims, and how many pods mount each."""

from __future__ import annotations

from dataclasses import replace

from apps.fleet.domain.parse_objects import parse_volume
from apps.fleet.domain.shelf import Shelf
from apps.kernel.kinds import PERSISTENT_VOLUME_CLAIM, Kind
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Volume


class MountedVolumes:
    def __init__(self, cluster: str) -> None:
        self.shelf: Shelf[Volume] = Shelf(drained=True)
        self._cluster = cluster
        self._volumes: dict[str, Volume] = {}
        self._claims: dict[str, tuple[str, ...]] = {}
        self._mounts: dict[str, int] = {}
        self._touched: set[str] = set()

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        self._volumes[key] = parse_volume(obj, cluster=self._cluster)
        self._touched.add(key)

    def drop(self, kind: Kind, key: str) -> None:
        self._volumes.pop(key, None)
        self._touched.add(key)

    def mount(self, pod_key: str, *, namespace: str, claims: tuple[str, ...]) -> None:
        """The pod mounts these claims now, and no others; () when it is gone or has finished."""
        was = self._claims.pop(pod_key, ())
        if claims:
            self._claims[pod_key] = claims
        if was == claims:
            return
        for change, names in ((-1, was), (1, claims)):
            for name in names:
                key = f"{PERSISTENT_VOLUME_CLAIM.kind}/{namespace}/{name}"
                self._mounts[key] = self._mounts.get(key, 0) + change
                self._touched.add(key)

    def settle(self) -> None:
        for key in self._touched:
            mounted_by = self._mounts.get(key, 0)
            if not mounted_by:
                self._mounts.pop(key, None)
            volume = self._volumes.get(key)
            if volume is None:
                self.shelf.pop(key)
            else:
                self.shelf.put(key, replace(volume, mounted_by=mounted_by))
        self._touched.clear()
