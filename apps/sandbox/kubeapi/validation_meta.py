"""Names, labels and annotations: the checks that every object passes (apimachinery `api/validation`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.resources import Resource

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_RFC1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
ANNOTATIONS_LIMIT = 256 * 1024

_LABEL_SAID = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_SAID = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_RFC1035_SAID = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_RFC1035}')"
)
_QUALIFIED_SAID = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_SAID = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)


def _limit(size: int) -> str:
    return f"must be no more than {size} bytes"


def dns_label(name: str) -> list[str]:
    """What is wrong with an RFC 1123 label."""
    found = [_limit(63)] if len(name) > 63 else []
    return found + ([] if re.fullmatch(_LABEL, name) else [_LABEL_SAID])


def dns_subdomain(name: str) -> list[str]:
    """What is wrong with an RFC 1123 subdomain."""
    found = [_limit(253)] if len(name) > 253 else []
    return found + ([] if re.fullmatch(_SUBDOMAIN, name) else [_SUBDOMAIN_SAID])


def dns_1035(name: str) -> list[str]:
    """What is wrong with an RFC 1035 label, as Services are named by."""
    found = [_limit(63)] if len(name) > 63 else []
    return found + ([] if re.fullmatch(_RFC1035, name) else [_RFC1035_SAID])


def path_segment(name: str) -> list[str]:
    """What is wrong with a name that only has to be a path segment (RBAC kinds)."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in name]


def qualified_name(name: str) -> list[str]:
    """What is wrong with a label or annotation key."""
    prefix, slash, rest = name.rpartition("/")
    found = []
    if slash:
        if not prefix:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {said}" for said in dns_subdomain(prefix)]
    if not rest:
        found.append("name part must be non-empty")
    elif len(rest) > 63:
        found.append(f"name part {_limit(63)}")
    if not re.fullmatch(_QUALIFIED, rest):
        found.append(_QUALIFIED_SAID)
    return found


def label_value(value: str) -> list[str]:
    """What is wrong with a label's value."""
    found = [_limit(63)] if len(value) > 63 else []
    return found + ([] if re.fullmatch(_VALUE, value) else [_VALUE_SAID])


_NAMES: dict[tuple[str, str], Callable[[str], list[str]]] = {
    ("", "namespaces"): dns_label,
    ("", "services"): dns_label,  # relaxed since 1.36
    ("rbac.authorization.k8s.io", "roles"): path_segment,
    ("rbac.authorization.k8s.io", "rolebindings"): path_segment,
    ("rbac.authorization.k8s.io", "clusterroles"): path_segment,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): path_segment,
}


def validate_labels(labels: Mapping[str, Any], *, path: str) -> list[Cause]:
    """What is wrong with a label map."""
    found = []
    for key, value in labels.items():
        found += [fe.invalid(path, value=key, detail=said) for said in qualified_name(key)]
        found += [fe.invalid(path, value=value, detail=said) for said in label_value(str(value))]
    return found


def _annotations(annotations: Mapping[str, Any], path: str) -> list[Cause]:
    found = []
    for key in annotations:
        found += [fe.invalid(path, value=key, detail=said) for said in qualified_name(key.lower())]
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        found.append(fe.too_long(path, limit=ANNOTATIONS_LIMIT))
    return found


def _owners(owners: list[Obj], path: str) -> list[Cause]:
    found = []
    for index, owner in enumerate(owners):
        here = f"{path}[{index}]"
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                found.append(fe.invalid(f"{here}.{key}", value=owner.get(key, ""), detail="must not be empty"))
    controllers = [owner.get("name") for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        said = "Only one reference can have Controller set to true"
        found.append(fe.invalid(path, value=owners, detail=said))
    return found


def validate_metadata(resource: Resource, *, obj: Obj) -> list[Cause]:
    """What is wrong with an object's metadata."""
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if not name:
        return [fe.required("metadata.name", detail="name or generateName is required")]
    check = _NAMES.get(resource.key, dns_subdomain)
    found = [fe.invalid("metadata.name", value=name, detail=said) for said in check(name)]
    if resource.namespaced and not metadata.get("namespace"):
        found.append(fe.required("metadata.namespace"))
    found += validate_labels(metadata.get("labels") or {}, path="metadata.labels")
    found += _annotations(metadata.get("annotations") or {}, "metadata.annotations")
    found += _owners(metadata.get("ownerReferences") or [], "metadata.ownerReferences")
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        where = f"metadata.finalizers[{index}]"
        found += [fe.invalid(where, value=finalizer, detail=said) for said in qualified_name(finalizer)]
    return found
