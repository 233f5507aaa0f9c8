"""The three plain patch types: JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch.

Strategic merge follows apimachinery `strategicpatch`: lists merge by `x-kubernetes-patch-merge-key` where the schema's
`x-kubernetes-patch-strategy` says `merge`, and the directives `$patch`, `$retainKeys`, `$setElementOrder/LIST` and
`$deleteFromPrimitiveList/LIST` are obeyed.
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from apps.sandbox.kubeapi.errors import BadRequest, Invalid, Obj
from apps.sandbox.kubeapi.jsontree import deep_copy
from apps.sandbox.kubeapi.typed import Schema, Types

ORDER, PRIMITIVES = "$setElementOrder/", "$deleteFromPrimitiveList/"


def json_patch(obj: Obj, *, patch: Any) -> Obj:
    """The object after the operations. Raises BadRequest when it is no list, Invalid when it cannot be done."""
    if not isinstance(patch, list):
        raise BadRequest(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        )
    try:
        return jsonpatch.apply_patch(obj, patch, in_place=False)  # type: ignore[no-any-return]
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, IndexError) as error:
        raise Invalid("the server rejected our request due to an error in our request", details={}) from error


def merge_patch(obj: Any, *, patch: Any) -> Any:
    """The value after a merge patch; null takes a key away."""
    if not isinstance(patch, dict):
        return deep_copy(patch)
    out = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), patch=value)
    return out


def strategic_patch(types: Types, *, node: Schema, obj: Obj, patch: Any) -> Obj:
    """The object after a strategic merge patch. Raises BadRequest for a malformed one."""
    if not isinstance(patch, dict):
        raise BadRequest("cannot unmarshal patch: expected an object")
    return _maps(types, node, obj, patch)


def _maps(types: Types, node: Schema, current: Obj, patch: Obj) -> Obj:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: deep_copy(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise BadRequest(f"Unknown patch type: {directive} in map: {patch}")
    out = _retained(current, patch)
    for key, value in patch.items():
        if key.startswith(PRIMITIVES):
            _delete_primitives(out, key.removeprefix(PRIMITIVES), value)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            out.pop(key, None)
        else:
            out[key] = _value(types, node, key, out.get(key), value, patch.get(ORDER + key))
    _reorder(types, node, out, patch)
    return out


def _reorder(types: Types, node: Schema, out: Obj, patch: Obj) -> None:
    """Obey `$setElementOrder` for lists that the patch does not change otherwise."""
    for key, order in patch.items():
        name = key.removeprefix(ORDER)
        if key.startswith(ORDER) and name not in patch and isinstance(out.get(name), list):
            out[name] = _ordered(out[name], order=order, before=out[name], merge_key=_merge_key(types, node, name))


def _retained(current: Obj, patch: Obj) -> Obj:
    keys = patch.get("$retainKeys")
    if keys is None:
        return dict(current)
    return {key: value for key, value in current.items() if key in keys}


def _delete_primitives(out: Obj, name: str, values: Any) -> None:
    if isinstance(out.get(name), list):
        out[name] = [item for item in out[name] if item not in values]


def _property(node: Schema, key: str) -> Schema:
    found: Schema = (node.get("properties") or {}).get(key) or {}
    return found


def _merge_key(types: Types, node: Schema, key: str) -> str:
    raw = _property(node, key)
    return str(raw.get("x-kubernetes-patch-merge-key") or types.resolve(raw).get("x-kubernetes-patch-merge-key") or "")


def _strategy(types: Types, node: Schema, key: str) -> str:
    raw = _property(node, key)
    return str(raw.get("x-kubernetes-patch-strategy") or types.resolve(raw).get("x-kubernetes-patch-strategy") or "")


def _value(types: Types, node: Schema, key: str, current: Any, value: Any, order: Any) -> Any:
    below, strategy = types.child(node, name=key), _strategy(types, node, key)
    if isinstance(value, dict):
        base = current if isinstance(current, dict) and "replace" not in strategy else {}
        return _maps(types, below, base, value)
    if isinstance(value, list):
        if "merge" not in strategy:
            return _plain(value)
        items = current if isinstance(current, list) else []
        return _lists(types, below, items, value, merge_key=_merge_key(types, node, key), order=order)
    return value


def _plain(value: Any) -> Any:
    """A replacing value without directives and nulls."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if not k.startswith("$") and v is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _lists(
    types: Types, node: Schema, current: list[Any], patch: list[Any], *, merge_key: str, order: Any
) -> list[Any]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [_plain(item) for item in patch if item.get("$patch") != "replace"]
    if not merge_key:
        merged = current + [item for item in patch if item not in current]
    else:
        merged = _merged_items(types, types.items(node), current, patch, merge_key)
    return _ordered(merged, order=order, before=current, merge_key=merge_key)


def _merged_items(types: Types, element: Schema, current: list[Any], patch: list[Any], merge_key: str) -> list[Any]:
    merged = list(current)
    for item in patch:
        if not isinstance(item, dict) or merge_key not in item:
            raise BadRequest(f"map: {item} does not contain declared merge key: {merge_key}")
        where = next((i for i, have in enumerate(merged) if have.get(merge_key) == item[merge_key]), None)
        if item.get("$patch") == "delete":
            if where is not None:
                del merged[where]
            continue
        base = {} if where is None or item.get("$patch") == "replace" else merged[where]
        result = _maps(types, element, base, {k: v for k, v in item.items() if k != "$patch"})
        if where is None:
            merged.append(result)
        else:
            merged[where] = result
    return merged


def _ordered(merged: list[Any], *, order: Any, before: list[Any], merge_key: str) -> list[Any]:
    """The list in the order that `$setElementOrder` asks for; items the server alone knows keep their place."""
    if not isinstance(order, list):
        return merged

    def key_of(item: Any) -> Any:
        return item.get(merge_key) if merge_key and isinstance(item, dict) else item

    wanted = [key_of(item) for item in order]
    server = [key_of(item) for item in before]
    left = [item for item in merged if key_of(item) not in wanted]
    right = sorted((item for item in merged if key_of(item) in wanted), key=lambda item: wanted.index(key_of(item)))
    out: list[Any] = []
    while left and right:
        first, second = key_of(left[0]), key_of(right[0])
        known = first in server and second in server
        out.append(left.pop(0) if known and server.index(first) < server.index(second) else right.pop(0))
    return out + left + right
