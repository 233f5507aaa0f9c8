"""What kinds a cluster serves: `Resource` is one served version of one kind, `Registry` holds them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One served version of a kind. Objects of all versions of a kind share storage, keyed by `key`."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: frozenset[str] = field(default_factory=frozenset)
    custom: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Group and plural: the identity of the storage."""
        return (self.group, self.plural)

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def list_name(self) -> str:
        """The kind of a list of these."""
        return self.list_kind or f"{self.kind}List"


class Registry:
    """The served resources by group, version and plural; CRDs come and go while the cluster runs."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str, str], Resource] = {}
        self._by_key: dict[tuple[str, str], Resource] = {}
        self.revision = 0
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serve this resource, replacing an older description of it."""
        self._by_path[(resource.group, resource.version, resource.plural)] = resource
        self._by_kind[(resource.group, resource.version, resource.kind)] = resource
        self._by_key = {entry.key: entry for entry in reversed(self._by_path.values())}
        self.revision += 1

    def remove(self, resource: Resource) -> None:
        """Serve it no more; unknown ones are ignored."""
        self._by_path.pop((resource.group, resource.version, resource.plural), None)
        self._by_kind.pop((resource.group, resource.version, resource.kind), None)
        self._by_key = {entry.key: entry for entry in reversed(self._by_path.values())}
        self.revision += 1

    def find(self, group: str, *, version: str, plural: str) -> Resource | None:
        """The resource of a URL path, or None when it is not served."""
        return self._by_path.get((group, version, plural))

    def of_kind(self, api_version: str, *, kind: str) -> Resource | None:
        """The resource of an object's apiVersion and kind, or None when it is not served."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))

    def of_group_kind(self, group: str, *, kind: str) -> Resource | None:
        """Any served version of the kind (the first registered), or None."""
        for resource in self._by_path.values():
            if resource.group == group and resource.kind == kind:
                return resource
        return None

    def of_key(self, key: tuple[str, str]) -> Resource | None:
        """Any served version of the storage key (the first registered), or None."""
        return self._by_key.get(key)

    def all(self) -> list[Resource]:
        """Every served resource, in order of registration."""
        return list(self._by_path.values())

    def groups(self) -> dict[str, list[str]]:
        """The served versions of each group, in order of registration."""
        found: dict[str, list[str]] = {}
        for resource in self._by_path.values():
            versions = found.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return found
