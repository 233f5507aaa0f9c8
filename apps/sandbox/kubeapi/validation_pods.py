"""What a pod spec must obey (k8s.io/kubernetes `pkg/apis/core/validation`), the checks that clients run into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi import quantity
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.validation_meta import dns_label, validate_labels

_ENV = re.compile(r"^[ -<>-~]+$")
_ENV_SAID = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_PULL = ("Always", "IfNotPresent", "Never")
_PORT_SAID = "must be between 1 and 65535, inclusive"


def _ports(ports: list[Obj], path: str) -> list[Cause]:
    found: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        number = port.get("containerPort", 0)
        if not number:
            found.append(fe.required(f"{here}.containerPort"))
        elif not 1 <= number <= 65535:
            found.append(fe.invalid(f"{here}.containerPort", value=number, detail=_PORT_SAID))
        name = port.get("name")
        if name and name in names:
            found.append(fe.duplicate(f"{here}.name", value=name))
        names.add(name or "")
        if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
            said = ("SCTP", "TCP", "UDP")
            found.append(fe.unsupported(f"{here}.protocol", value=port.get("protocol"), allowed=said))
    return found


def validate_resources(resources: Obj, *, path: str) -> list[Cause]:
    """Quantities that parse, are not negative, and requests no larger than limits."""
    found: list[Cause] = []
    limits = resources.get("limits") or {}
    for part in ("limits", "requests"):
        for name, text in (resources.get(part) or {}).items():
            value = quantity.parse(str(text))
            if value < 0:
                said = "must be greater than or equal to 0"
                found.append(fe.invalid(f"{path}.{part}[{name}]", value=str(text), detail=said))
            if part == "requests" and name in limits and value > quantity.parse(str(limits[name])):
                said = f"must be less than or equal to {name} limit of {limits[name]}"
                found.append(fe.invalid(f"{path}.requests", value=str(text), detail=said))
    return found


def _container(container: Obj, path: str, volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    name = container.get("name", "")
    if not name:
        found.append(fe.required(f"{path}.name"))
    else:
        found += [fe.invalid(f"{path}.name", value=name, detail=said) for said in dns_label(name)]
    if not container.get("image"):
        found.append(fe.required(f"{path}.image"))
    if container.get("imagePullPolicy") not in _PULL:
        policy = container.get("imagePullPolicy")
        found.append(fe.unsupported(f"{path}.imagePullPolicy", value=policy, allowed=_PULL))
    found += _ports(container.get("ports") or [], f"{path}.ports")
    for index, variable in enumerate(container.get("env") or ()):
        found += _variable(variable, f"{path}.env[{index}]")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        found += _mount(mount, f"{path}.volumeMounts[{index}]", volumes)
    return found + validate_resources(container.get("resources") or {}, path=f"{path}.resources")


def _variable(variable: Obj, path: str) -> list[Cause]:
    name = variable.get("name", "")
    if not name:
        return [fe.required(f"{path}.name")]
    found = [] if _ENV.match(name) else [fe.invalid(f"{path}.name", value=name, detail=_ENV_SAID)]
    if variable.get("value") and variable.get("valueFrom"):
        said = "may not be specified when `value` is not empty"
        found.append(fe.invalid(f"{path}.valueFrom", value="", detail=said))
    return found


def _mount(mount: Obj, path: str, volumes: set[str]) -> list[Cause]:
    found = []
    if not mount.get("name"):
        found.append(fe.required(f"{path}.name"))
    elif mount["name"] not in volumes:
        found.append(fe.absent(f"{path}.name", value=mount["name"]))
    if not mount.get("mountPath"):
        found.append(fe.required(f"{path}.mountPath"))
    return found


def validate_pod_spec(spec: Obj, *, path: str, claims: Iterable[str] = ()) -> list[Cause]:
    """What is wrong with a pod spec; `claims` are volumes that a StatefulSet's claim templates add."""
    found: list[Cause] = []
    volumes: set[str] = set(claims)
    for index, volume in enumerate(spec.get("volumes") or ()):
        name = volume.get("name", "")
        if not name:
            found.append(fe.required(f"{path}.volumes[{index}].name"))
        elif name in volumes:
            found.append(fe.duplicate(f"{path}.volumes[{index}].name", value=name))
        volumes.add(name)
    names: set[str] = set()
    if not spec.get("containers"):
        found.append(fe.required(f"{path}.containers"))
    for part in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(part) or ()):
            here = f"{path}.{part}[{index}]"
            found += _container(container, here, volumes)
            name = container.get("name", "")
            if name and name in names:
                found.append(fe.duplicate(f"{here}.name", value=name))
            names.add(name)
    return found + _policies(spec, path)


def _policies(spec: Obj, path: str) -> list[Cause]:
    found = []
    for key, allowed in (
        ("restartPolicy", ("Always", "OnFailure", "Never")),
        ("dnsPolicy", ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")),
    ):
        if spec.get(key) not in allowed:
            found.append(fe.unsupported(f"{path}.{key}", value=spec.get(key), allowed=allowed))
    grace = spec.get("terminationGracePeriodSeconds", 30)
    if grace < 0:
        said = "must be greater than or equal to 0"
        found.append(fe.invalid(f"{path}.terminationGracePeriodSeconds", value=grace, detail=said))
    return found


def validate_template(template: Obj, *, path: str, restart: tuple[str, ...], claims: Iterable[str] = ()) -> list[Cause]:
    """What is wrong with a pod template; `restart` are the restart policies its owner allows."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    found = validate_labels(metadata.get("labels") or {}, path=f"{path}.labels")
    found += validate_pod_spec(spec, path=f"{path}.spec", claims=claims)
    policy = spec.get("restartPolicy")
    if policy not in restart and policy in ("Always", "OnFailure", "Never"):
        if len(restart) == 1:
            found.append(fe.unsupported(f"{path}.spec.restartPolicy", value=policy, allowed=restart))
        else:
            said = "valid values: " + ", ".join(f'"{entry}"' for entry in restart)
            found.append(fe.required(f"{path}.spec.restartPolicy", detail=said))
    return found


_POD_UPDATE_SAID = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod_update(new: Obj, *, old: Obj) -> list[Cause]:
    """A running pod's spec may change in few places only."""
    if _frozen(new.get("spec") or {}) == _frozen(old.get("spec") or {}):
        return []
    return [fe.forbidden("spec", detail=_POD_UPDATE_SAID)]


def _frozen(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec less what an update may change."""
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates", "nodeName")
    kept = {key: value for key, value in spec.items() if key not in free}
    for part in ("containers", "initContainers"):
        if part in kept:
            kept[part] = [{k: v for k, v in entry.items() if k != "image"} for entry in kept[part]]
    return kept
