"""Who owns which field: server-side apply and the tracking of plain writes.

The algorithm is that of sigs.k8s.io/structured-merge-diff `merge.Updater` with apimachinery's managedfields around it.
Apply is: (1) merge the configuration into the live object; (2) take out what this manager applied before, does not
apply now, and nobody else owns; (3) compare with the live object: a changed field that another manager owns is a
conflict, unless forced, and then leaves the other's set.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from apps.sandbox.kubeapi import fieldsets
from apps.sandbox.kubeapi.errors import Cause, Conflict, Obj
from apps.sandbox.kubeapi.fieldsets import Path, Paths
from apps.sandbox.kubeapi.jsontree import deep_copy
from apps.sandbox.kubeapi.typed import Schema, Types, is_atomic_map, is_scalar, keyed, list_kind

_META = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields")
_STRIPPED: frozenset[Path] = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [("f:metadata", f"f:{name}") for name in (*_META, "resourceVersion")]
)
MOST_UPDATERS = 10  # apimachinery DefaultMaxUpdateManagers: beyond it the oldest are merged into one
KUBECTL, LAST_APPLIED = "kubectl", "kubectl.kubernetes.io/last-applied-configuration"
BEFORE_FIRST_APPLY = "before-first-apply"


@dataclass(slots=True)
class Owner:
    """One entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    paths: Paths

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes two entries the same: appliers keep one entry over versions."""
        version = "" if self.operation == "Apply" else self.api_version
        return (self.manager, self.operation, version, self.subresource)

    def as_json(self) -> Obj:
        """The entry as it is stored."""
        entry: Obj = {
            "apiVersion": self.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.render(self.paths),
            "manager": self.manager,
            "operation": self.operation,
            "time": self.time,
        }
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry

    def described(self) -> str:
        """The owner as a conflict names it."""
        said = json.dumps(self.manager)
        if self.subresource:
            said += f" with subresource {json.dumps(self.subresource)}"
        return f"{said} using {self.api_version}" if self.operation == "Update" else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes now, and against which schema."""

    manager: str
    api_version: str
    time: str
    types: Types
    schema: Schema
    subresource: str = ""


def owners_of(obj: Obj) -> list[Owner]:
    """The entries of an object's managedFields."""
    return [
        Owner(
            manager=entry.get("manager", ""),
            operation=entry.get("operation", ""),
            api_version=entry.get("apiVersion", ""),
            subresource=entry.get("subresource", ""),
            time=entry.get("time", ""),
            paths=fieldsets.parse(entry.get("fieldsV1")),
        )
        for entry in obj.get("metadata", {}).get("managedFields") or ()
    ]


def set_owners(obj: Obj, *, owners: list[Owner]) -> None:
    """Write the entries, empty ones left out, in the real server's order."""
    kept = [owner for owner in owners if owner.paths]
    kept.sort(key=lambda o: (o.operation, o.time, o.manager, o.api_version, o.subresource))
    metadata = obj.setdefault("metadata", {})
    metadata.pop("managedFields", None)
    if kept:
        metadata["managedFields"] = [owner.as_json() for owner in kept]


def _bare(obj: Obj) -> Obj:
    """The object without its managedFields, sharing the rest."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def track(writer: Writer, *, old: Obj | None, new: Obj) -> None:
    """Set `new`'s managedFields after a plain write by this manager.

    The entries that a client sends in the object itself count as the present ones (kubectl edits them so when it moves
    from client-side to server-side apply); `managedFields: []` clears them.
    """
    cleared = old is not None and _is_reset(new)
    owners = _present_owners(writer, old=old, new=new)
    if cleared or (old is not None and not owners):
        new["metadata"].pop("managedFields", None)
        return
    changed = fieldsets.compare(writer.types, node=writer.schema, old=_bare(old) if old else {}, new=_bare(new))
    gained = (changed.added | changed.modified) - _STRIPPED
    mine = Owner(
        manager=writer.manager,
        operation="Update",
        api_version=writer.api_version,
        subresource=writer.subresource,
        time=writer.time,
        paths=set(),
    )
    for owner in owners:
        owner.paths -= changed.removed
        if owner.identity == mine.identity:
            owner.paths |= gained
            owner.time = writer.time if gained else owner.time
        else:
            owner.paths -= gained
    if gained and all(owner.identity != mine.identity for owner in owners):
        mine.paths = gained
        owners.append(mine)
    set_owners(new, owners=_capped(owners))


def _present_owners(writer: Writer, *, old: Obj | None, new: Obj) -> list[Owner]:
    if old is None:
        return []
    sent = [] if writer.subresource else owners_of(new)
    return sent or owners_of(old)


def track_scale(writer: Writer, *, old: Obj, new: Obj, replicas: tuple[str, ...]) -> None:
    """Set `new`'s managedFields after a write of the scale subresource.

    As managedfields.ScaleHandler does: a Scale leaves zero replicas out, so scaling to zero takes the field from every
    owner and gives it to none; and while nobody owns it, a scale gives it to nobody.
    """
    path = tuple(f"f:{part}" for part in replicas)
    owners = owners_of(old)
    holders = [owner for owner in owners if path in owner.paths]
    before, after = _at(old, replicas), _at(new, replicas)
    new["metadata"].pop("managedFields", None)
    if holders and (before or 0) != (after or 0):
        for owner in holders:
            owner.paths = owner.paths - {path}
        if after:
            _give(writer, owners, path)
    set_owners(new, owners=owners)


def _give(writer: Writer, owners: list[Owner], path: Path) -> None:
    mine = Owner(
        manager=writer.manager,
        operation="Update",
        api_version=writer.api_version,
        subresource=writer.subresource,
        time=writer.time,
        paths={path},
    )
    for owner in owners:
        if owner.identity == mine.identity:
            owner.paths, owner.time = owner.paths | {path}, writer.time
            return
    owners.append(mine)


def _at(obj: Obj, path: tuple[str, ...]) -> Any:
    node: Any = obj
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _is_reset(new: Obj) -> bool:
    sent = new["metadata"].get("managedFields")
    return isinstance(sent, list) and (not sent or sent == [{}])


def _capped(owners: list[Owner]) -> list[Owner]:
    updaters = sorted((o for o in owners if o.operation == "Update" and o.paths), key=lambda o: o.time)
    if len(updaters) <= MOST_UPDATERS:
        return owners
    surplus = updaters[: len(updaters) - MOST_UPDATERS + 1]
    merged = Owner(
        manager="ancient-changes",
        operation="Update",
        api_version=surplus[-1].api_version,
        subresource="",
        time=surplus[-1].time,
        paths=set().union(*(o.paths for o in surplus)),
    )
    return [owner for owner in owners if owner not in surplus] + [merged]


def apply(writer: Writer, *, live: Obj, config: Obj, force: bool) -> Obj:
    """The object that results from applying `config`, with its managedFields. Raises Conflict.

    `live` is the stored object, or {} when the apply creates it. The result shares nothing with either.
    """
    types, schema = writer.types, writer.schema
    owners = owners_of(live)
    bare_live = _bare(live) if live else {}
    if live and not owners:
        owners = [_first_owner(writer, live=bare_live)]
    me = (writer.manager, "Apply", "", writer.subresource)
    last = next((owner.paths for owner in owners if owner.identity == me), set())
    claimed = fieldsets.of_object(types, node=schema, value=_bare(config)) - _STRIPPED
    merged = merge(types, node=schema, old=bare_live, new=_bare(config))
    others = [owner for owner in owners if owner.identity != me]
    result = _pruned(writer, merged=merged, last=last, owned=claimed.union(*(owner.paths for owner in others)))
    changed = fieldsets.compare(types, node=schema, old=bare_live, new=result)
    touched = changed.added | changed.modified
    if not force:
        _refuse_conflicts(others, touched=touched - _from_client_side(writer, live=bare_live))
    for owner in others:
        owner.paths -= touched | changed.removed
    before = next((owner for owner in owners_of(live) if owner.identity == me), None)
    moved = result != bare_live or before is None or before.paths != claimed
    mine = Owner(
        manager=writer.manager,
        operation="Apply",
        api_version=writer.api_version,
        subresource=writer.subresource,
        time=writer.time if moved or before is None else before.time,
        paths=claimed,
    )
    final: Obj = deep_copy(result)
    _sync_last_applied(writer, final=final, config=config)
    set_owners(final, owners=[*others, mine])
    return final


def _from_client_side(writer: Writer, *, live: Obj) -> Paths:
    """What kubectl's own manager may take over without force: fields still as its last client-side apply set them."""
    text = _annotation(live)
    if writer.manager != KUBECTL or not text:
        return set()
    try:
        last = json.loads(text)
    except ValueError:
        return set()
    if not isinstance(last, dict) or last.get("apiVersion") != writer.api_version:
        return set()
    changed = fieldsets.compare(writer.types, node=writer.schema, old=last, new=live)
    claimed = fieldsets.of_object(writer.types, node=writer.schema, value=last)
    return claimed - changed.added - changed.modified - changed.removed


def _annotation(obj: Obj) -> str:
    return str((obj.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED) or "")


def _sync_last_applied(writer: Writer, *, final: Obj, config: Obj) -> None:
    """Keep the client-side annotation true when kubectl's own manager applies to an object that has it."""
    if writer.manager == KUBECTL and _annotation(final):
        kept: Obj = deep_copy(config)
        (kept["metadata"].get("annotations") or {}).pop(LAST_APPLIED, None)
        text = json.dumps(kept, separators=(",", ":"), sort_keys=True) + "\n"
        final["metadata"]["annotations"][LAST_APPLIED] = text


def _first_owner(writer: Writer, *, live: Obj) -> Owner:
    paths = fieldsets.of_object(writer.types, node=writer.schema, value=live) - _STRIPPED
    created = str(live["metadata"].get("creationTimestamp", writer.time))
    return Owner(
        manager=BEFORE_FIRST_APPLY,
        operation="Update",
        api_version=writer.api_version,
        subresource="",
        time=created,
        paths=paths,
    )


def _refuse_conflicts(others: list[Owner], *, touched: Paths) -> None:
    found = [(owner, path) for owner in others for path in sorted(owner.paths & touched)]
    if not found:
        return
    causes = [
        Cause("FieldManagerConflict", f"conflict with {owner.described()}", fieldsets.text(path)).as_json()
        for owner, path in found
    ]
    if len(found) == 1:
        owner, path = found[0]
        said = f"Apply failed with 1 conflict: conflict with {owner.described()}: {fieldsets.text(path)}"
    else:
        lines = []
        for owner in sorted({id(o): o for o, _ in found}.values(), key=lambda o: o.identity):
            lines.append(f"conflicts with {owner.described()}:")
            lines += [f"- {fieldsets.text(path)}" for other, path in found if other is owner]
        said = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    raise Conflict(said, details={"causes": causes})


def _pruned(writer: Writer, *, merged: Obj, last: Paths, owned: Paths) -> Obj:
    """`merged` less what the manager applied last time and nobody owns now."""
    if not last:
        return merged
    types, schema = writer.types, writer.schema

    def named(paths: Paths) -> Paths:
        return fieldsets.with_named_parents(types, node=schema, paths=paths)

    whole = named(fieldsets.of_object(types, node=schema, value=merged))
    kept = named(owned) | _STRIPPED
    doomed = {path for path in named(last) & whole if path not in kept and not _holds(kept, path)}
    return fieldsets.without(types, node=schema, value=merged, paths=doomed)  # type: ignore[no-any-return]


def _holds(kept: Paths, path: Path) -> bool:
    """Whether something kept lies below the path."""
    size = len(path)
    return any(other[:size] == path for other in kept)


def merge(types: Types, *, node: Schema, old: Any, new: Any) -> Any:
    """The applied configuration laid over the live object."""
    if isinstance(old, dict) and isinstance(new, dict) and not is_atomic_map(node) and not is_scalar(node):
        out = dict(old)
        for name, value in new.items():
            below = types.child(node, name=name)
            out[name] = merge(types, node=below, old=old[name], new=value) if name in old else value
        return out
    if isinstance(old, list) and isinstance(new, list) and list_kind(node) != "atomic":
        return _merge_lists(types, node=node, old=old, new=new)
    return new


def _merge_lists(types: Types, *, node: Schema, old: list[Any], new: list[Any]) -> list[Any]:
    """The merge of associative lists: shared elements in the new order, the others where they stood before the next
    shared one (mergingWalker.visitListItems)."""
    left, right = keyed(types, node=node, items=old), keyed(types, node=node, items=new)
    element = types.items(node)
    order = _merged_order(list(left), new=list(right))
    return [
        merge(types, node=element, old=left[key], new=right[key])
        if key in left and key in right
        else right.get(key, left.get(key))
        for key in order
    ]


def _merged_order(old: list[str], *, new: list[str]) -> list[str]:
    known, fresh = set(old), set(new)
    shared = deque(key for key in new if key in known)
    left, right, order = deque(old), deque(new), []
    while left or right:
        if left and right and left[0] in fresh and left[0] != right[0]:
            if shared and shared[0] != left[0]:
                left.popleft()  # shared, and not the one that comes next
                continue
        if left and left[0] not in fresh:
            order.append(left.popleft())
            continue
        if not right:
            left.popleft()  # merged already
            continue
        key = right.popleft()
        if left and left[0] == key:
            left.popleft()
        if shared and shared[0] == key:
            shared.popleft()
        order.append(key)
    return order
