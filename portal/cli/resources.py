"""The lists of the API by the names that people type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.kernel.errors import InvalidInput, NotFound
from portal.cli.output import Column

if TYPE_CHECKING:
    from apps.adapters.plimsoll_api import PlimsollApi


@dataclass(frozen=True, slots=True)
class Resource:
    """One list: its address under /api/v1/, what else it is called, and the columns of its table. `filters` are the
    options of `get` that the list knows."""

    path: str
    columns: tuple[Column, ...]
    aliases: tuple[str, ...] = ()
    filters: frozenset[str] = field(default_factory=frozenset)

    @property
    def singular(self) -> str:
        return self.path.removesuffix("ies") + "y" if self.path.endswith("ies") else self.path.removesuffix("s")


def _columns(pairs: str) -> tuple[Column, ...]:
    """`TITLE=path`, or `TITLE=path@age`, with spaces between them."""
    made = []
    for pair in pairs.split():
        title, _, path = pair.partition("=")
        made.append(Column(title, path.removesuffix("@age"), age=path.endswith("@age")))
    return tuple(made)


RESOURCES = (
    Resource(
        "clusters",
        _columns(
            "NAME=name STATE=state TEAM=team ENVIRONMENT=environment REGION=region VERSION=kube_version "
            "READ-ONLY=read_only SEEN=last_seen_at@age"
        ),
        ("cl",),
        frozenset({"state", "team"}),
    ),
    Resource("namespaces", _columns("CLUSTER=cluster NAME=name TEAM=team"), ("ns",), frozenset({"cluster", "name"})),
    Resource(
        "nodes",
        _columns("CLUSTER=cluster NAME=name READY=ready TYPE=instance_type SPOT=spot PRICE/H=price_per_hour"),
        ("no",),
        frozenset({"cluster"}),
    ),
    Resource(
        "workloads",
        _columns(
            "CLUSTER=cluster NAMESPACE=namespace KIND=kind NAME=name STATE=state READY=ready_replicas "
            "REPLICAS=replicas REASON=reason ASLEEP=asleep_since@age"
        ),
        ("wl",),
        frozenset({"cluster", "namespace", "name", "reason", "state", "kind", "policy"}),
    ),
    Resource(
        "volumes",
        _columns("CLUSTER=cluster NAMESPACE=namespace NAME=name CLASS=storage_class PHASE=phase"),
        ("pvc",),
        frozenset({"cluster", "namespace"}),
    ),
    Resource(
        "policies",
        _columns(
            "CLUSTER=cluster KIND=kind NAMESPACE=namespace NAME=name MODE=mode READY=ready MATCHED=matched "
            "ASLEEP=asleep CONFLICTS=conflicts ORIGIN=origin"
        ),
        ("rp", "crp", "resourcepolicies", "clusterresourcepolicies"),
        frozenset({"cluster", "namespace", "name", "kind"}),
    ),
    Resource(
        "decisions",
        _columns(
            "AGE=time@age CLUSTER=cluster NAMESPACE=namespace KIND=kind NAME=name VERDICT=verdict REASON=reason "
            "STATE=state ID=id"
        ),
        ("dec",),
        frozenset({"cluster", "namespace", "name", "reason", "since", "state", "kind", "policy"}),
    ),
    Resource(
        "actions",
        _columns(
            "AGE=time@age CLUSTER=cluster NAMESPACE=namespace KIND=kind NAME=name ACTION=action STATE=state "
            "BY=requested_by ID=id"
        ),
        ("act",),
        frozenset({"cluster", "namespace", "name", "since", "state"}),
    ),
    Resource(
        "approvals",
        _columns(
            "AGE=time@age CLUSTER=cluster RULE=rule STATE=state NEEDED=needed BY=requested_by EXPIRES=expires_at@age "
            "ID=id"
        ),
        ("ap",),
        frozenset({"cluster", "since", "state"}),
    ),
    Resource(
        "records",
        _columns("SEQ=seq AGE=at@age KIND=kind ACTOR=actor CLUSTER=cluster SUBJECT=subject HASH=hash"),
        ("rec",),
        frozenset({"cluster", "namespace", "since", "kind"}),
    ),
    Resource(
        "tokens",
        _columns(
            "NAME=name USER=user PREFIX=prefix SCOPES=scopes EXPIRES=expires_at@age USED=last_used_at@age "
            "REVOKED=revoked_at@age ID=id"
        ),
        (),
        frozenset({"name"}),
    ),
    Resource("teams", _columns("NAME=name TITLE=title"), (), frozenset({"name"})),
    Resource("users", _columns("NAME=username EMAIL=email ACTIVE=is_active SUPERUSER=is_superuser SERVICE=is_service")),
)


def find(name: str) -> Resource:
    """By its plural, singular or short name, in any case."""
    wanted = name.lower()
    for resource in RESOURCES:
        if wanted in (resource.path, resource.singular, *resource.aliases):
            return resource
    raise InvalidInput(
        f"{name!r} is not a resource",
        field="RESOURCE",
        mend="one of " + ", ".join(resource.path for resource in RESOURCES),
    )


def query(resource: Resource, given: dict[str, str | None]) -> dict[str, str | int | bool | None]:
    """The filters in force; InvalidInput for one that this list does not know."""
    wanted = {name: value for name, value in given.items() if value}
    for name in wanted:
        if name not in resource.filters:
            known = ", ".join(f"--{each}" for each in sorted(resource.filters)) or "none"
            raise InvalidInput(f"{resource.path} cannot be filtered by it", field=f"--{name}", mend=f"known: {known}")
    return dict(wanted)


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def check_id(text: str, *, field: str, listed_in: str) -> None:
    """InvalidInput unless `text` is an id, which is what these verbs take: a name may stand for many."""
    if not is_uuid(text):
        raise InvalidInput(f"{text!r} is no id", field=field, mend=f"take one from `plimsoll get {listed_in}`")


_NAME_FIELD = {"users": "username"}


def one(api: PlimsollApi, resource: Resource, name: str, given: dict[str, str | None]) -> dict[str, Any]:
    """The one object called `name`, or with that id; `KIND/NAME` for workloads and policies."""
    if is_uuid(name):
        return api.get(f"{resource.path}/{name}/")
    wanted = dict(given)
    if "/" in name and "kind" in resource.filters:
        kind, _, name = name.partition("/")
        wanted["kind"] = kind_name(kind)
    found = _named(api, resource, name, query(resource, wanted))
    if not found:
        raise NotFound(
            f"no {resource.singular} {name!r}{_within(wanted)}", mend=f"`plimsoll get {resource.path}` lists them"
        )
    if len(found) > 1:
        places = ", ".join(sorted(map(_place, found))[:5])
        raise InvalidInput(
            f"{len(found)} are called {name!r}: {places}", mend="add --cluster, --namespace or KIND/NAME"
        )
    return found[0]


def _within(where: dict[str, Any]) -> str:
    """` with kind Deployment, namespace shop`: whichever of them is the one misspelt."""
    named = [f"{key} {where[key]}" for key in ("kind", "namespace", "cluster") if where.get(key)]
    return f" with {', '.join(named)}" if named else ""


def _place(item: dict[str, Any]) -> str:
    return "/".join(str(item[key]) for key in ("cluster", "namespace", "kind") if item.get(key))


def _named(api: PlimsollApi, resource: Resource, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    field_name = _NAME_FIELD.get(resource.path, "name")
    if field_name in resource.filters:
        params[field_name] = name
    return [item for item in api.items(f"{resource.path}/", params=params) if item.get(field_name) == name]


_KINDS = {
    "deployment": "Deployment",
    "deploy": "Deployment",
    "statefulset": "StatefulSet",
    "sts": "StatefulSet",
    "daemonset": "DaemonSet",
    "ds": "DaemonSet",
    "cronjob": "CronJob",
    "cj": "CronJob",
    "job": "Job",
    "pod": "Pod",
    "resourcepolicy": "ResourcePolicy",
    "clusterresourcepolicy": "ClusterResourcePolicy",
}


def kind_name(text: str) -> str:
    """`deploy`, `deployments` or `deployment.apps` -> Deployment; what is unknown stays as it is."""
    bare = text.partition(".")[0].lower()
    return _KINDS.get(bare) or _KINDS.get(bare.removesuffix("s")) or text
