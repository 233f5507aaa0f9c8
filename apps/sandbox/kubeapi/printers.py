"""The columns of the built-in kinds and their cells (k8s.io/kubernetes `pkg/printers/internalversion`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from apps.sandbox.kubeapi.ages import age, human_duration, parse_time
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.printers_pods import pod_cells
from apps.sandbox.kubeapi.selectors import selector_text

Cells = list[Any]
Printer = Callable[[Obj, datetime], Cells]
NONE = "<none>"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _age(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now=now)


def _containers(template: Obj) -> list[str]:
    containers = (template.get("spec") or {}).get("containers") or ()
    return [",".join(str(entry.get(key, "")) for entry in containers) for key in ("name", "image")]


def _workload(spec: Obj) -> list[str]:
    return [*_containers(spec.get("template") or {}), selector_text(spec.get("selector"))]


def _deployment(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [obj["metadata"]["name"], ready, *counts, _age(obj, now), *_workload(spec)]


def _replicaset(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [obj["metadata"]["name"], *counts, _age(obj, now), *_workload(spec)]


def _statefulset(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [obj["metadata"]["name"], ready, _age(obj, now), *_containers(spec.get("template") or {})]


def _daemonset(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = [status.get(name, 0) for name in names]
    selector = ((spec.get("template") or {}).get("spec") or {}).get("nodeSelector")
    return [obj["metadata"]["name"], *counts, _labels(selector), _age(obj, now), *_workload(spec)]


def _labels(labels: Obj | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _condition(status: Obj, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in status.get("conditions") or ())


def _job(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    done = status.get("succeeded", 0)
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    else:
        parallel = spec.get("parallelism", 0)
        completions = f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    lasted = ""
    if status.get("startTime"):
        end = parse_time(status["completionTime"]) if status.get("completionTime") else now
        lasted = human_duration(end - parse_time(status["startTime"]))
    return [obj["metadata"]["name"], _job_status(obj, status), completions, lasted, _age(obj, now), *_workload(spec)]


def _job_status(obj: Obj, status: Obj) -> str:
    for kind in ("Complete", "Failed"):
        if _condition(status, kind):
            return kind
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if _condition(status, kind):
            return kind
    return "Running"


def _cronjob(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    last = age(status["lastScheduleTime"], now=now) if status.get("lastScheduleTime") else NONE
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    suspend = "True" if spec.get("suspend") else "False"
    return [
        obj["metadata"]["name"],
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        suspend,
        len(status.get("active") or ()),
        last,
        _age(obj, now),
        *_workload(job),
    ]


def _service(obj: Obj, now: datetime) -> Cells:
    spec = obj["spec"]
    ports = []
    for port in spec.get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node}/{port.get('protocol')}")
    address = (spec.get("clusterIPs") or [spec.get("clusterIP") or NONE])[0]
    external = _external_address(obj)
    return [
        obj["metadata"]["name"],
        spec.get("type", ""),
        address,
        external,
        ",".join(ports) or NONE,
        _age(obj, now),
        _labels(spec.get("selector")),
    ]


def _balancer(status: Obj) -> str:
    entries = (status.get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(dict.fromkeys(entry.get("ip") or entry.get("hostname") or "" for entry in entries))


def _external_address(obj: Obj) -> str:
    spec, given = obj["spec"], ",".join(obj["spec"].get("externalIPs") or ())
    match spec.get("type"):
        case "LoadBalancer":
            return ",".join(part for part in (_balancer(obj.get("status") or {}), given) if part) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "ClusterIP" | "NodePort":
            return given or NONE
    return "<unknown>"


def _ingress(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    rules = spec.get("rules") or []
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    shown = ",".join(hosts[:3]) or "*"
    if len(hosts) > 3:
        shown += f" + {len(rules) - 3} more..."
    ports = "80, 443" if spec.get("tls") else "80"
    name = spec.get("ingressClassName") or NONE
    return [obj["metadata"]["name"], name, shown, _balancer(obj.get("status") or {}), ports, _age(obj, now)]


def _ingress_class(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    ref = spec.get("parameters")
    shown = NONE
    if ref:
        kind = f"{ref['kind']}.{ref['apiGroup']}" if ref.get("apiGroup") else ref.get("kind", "")
        shown = f"{kind}/{ref.get('name', '')}"
    return [obj["metadata"]["name"], spec.get("controller", ""), shown, _age(obj, now)]


def _join_host(address: str, port: Any) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _endpoints(obj: Obj, now: datetime) -> Cells:
    found = []
    for subset in obj.get("subsets") or ():
        addresses = [entry.get("ip", "") for entry in subset.get("addresses") or ()]
        ports = subset.get("ports")
        if not ports:
            found += addresses
        for port in ports or ():
            found += [_join_host(address, port.get("port")) for address in addresses]
    return [obj["metadata"]["name"], _few(found, NONE if not obj.get("subsets") else ""), _age(obj, now)]


def _few(found: list[str], empty: str) -> str:
    if not found:
        return empty
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more


def _endpointslice(obj: Obj, now: datetime) -> Cells:
    ports = [str(port["port"]) if port.get("port") else "*" for port in obj.get("ports") or ()]
    found = [address for entry in obj.get("endpoints") or () for address in entry.get("addresses") or ()]
    shown = [_few(ports, "<unset>"), _few(found, "<unset>")]
    return [obj["metadata"]["name"], obj.get("addressType", ""), *shown, _age(obj, now)]


def _node(obj: Obj, now: datetime) -> Cells:
    status, labels = obj.get("status") or {}, obj["metadata"].get("labels") or {}
    ready = [c for c in status.get("conditions") or () if c.get("type") == "Ready"]
    state = "Unknown" if not ready else "Ready" if ready[-1].get("status") == "True" else "NotReady"
    if (obj.get("spec") or {}).get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix) and key != prefix}
    roles |= {labels["kubernetes.io/role"]} if labels.get("kubernetes.io/role") else set()
    info = status.get("nodeInfo") or {}
    kernel = info.get("kernelVersion") or "<unknown>"
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    addresses = {entry.get("type"): entry.get("address") for entry in reversed(status.get("addresses") or [])}
    return [
        obj["metadata"]["name"],
        state,
        ",".join(sorted(roles)) or NONE,
        _age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or "<unknown>",
        kernel,
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _event(obj: Obj, now: datetime) -> Cells:
    series = obj.get("series") or {}
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"), now=now)
    last = age(obj["lastTimestamp"], now=now) if obj.get("lastTimestamp") else first
    if series:
        last = age(series.get("lastObservedTime"), now=now)
    count = series.get("count") or obj.get("count") or 1
    about = obj.get("involvedObject") or {}
    target = about.get("kind", "").lower() + (f"/{about['name']}" if about.get("name") else "")
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent")
    said = [component, source.get("host") or obj.get("reportingInstance")]
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        ", ".join(part for part in said if part),
        obj.get("message", "").strip(),
        first,
        count,
        obj["metadata"]["name"],
    ]


def _modes(modes: list[str] | None) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _claim(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        obj["metadata"]["name"],
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or "<unset>",
        _age(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def _volume(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    ref = spec.get("claimRef")
    return [
        obj["metadata"]["name"],
        (spec.get("capacity") or {}).get("storage", "0"),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        _age(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def _quota(obj: Obj, now: datetime) -> Cells:
    status = obj.get("status") or {}
    used = status.get("used") or {}
    columns: dict[bool, list[str]] = {False: [], True: []}
    for name, hard in sorted((status.get("hard") or {}).items()):
        columns[name.startswith("limits.")].append(f"{name}: {used.get(name, '0')}/{hard}")
    return [obj["metadata"]["name"], ", ".join(columns[False]), ", ".join(columns[True]), _age(obj, now)]


def _pdb(obj: Obj, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    bounds = ["N/A" if bound is None else str(bound) for bound in (least, most)]
    return [obj["metadata"]["name"], *bounds, status.get("disruptionsAllowed", 0), _age(obj, now)]


def _binding(obj: Obj, now: datetime) -> Cells:
    ref, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()
    names: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in subjects:
        space = f"{subject['namespace']}/" if subject.get("namespace") else ""
        names.setdefault(subject.get("kind", ""), []).append(space + subject.get("name", ""))
    columns = [", ".join(names[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [obj["metadata"]["name"], f"{ref.get('kind')}/{ref.get('name')}", _age(obj, now), *columns]


def _storage_class(obj: Obj, now: datetime) -> Cells:
    name = obj["metadata"]["name"]
    annotations = obj["metadata"].get("annotations") or {}
    if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    return [
        name,
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        _age(obj, now),
    ]


def _hpa(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    least = spec.get("minReplicas")
    return [
        obj["metadata"]["name"],
        f"{target.get('kind')}/{target.get('name')}",
        _metrics(spec.get("metrics") or [], status.get("currentMetrics") or []),
        "<unset>" if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        _age(obj, now),
    ]


def _metrics(specs: list[Obj], statuses: list[Obj]) -> str:
    if not specs:
        return NONE
    found = [_metric(entry, statuses[i] if i < len(statuses) else {}) for i, entry in enumerate(specs)]
    more = f" + {len(found) - 2} more..." if len(found) > 2 else ""
    return ", ".join(found[:2]) + more


def _metric(entry: Obj, status: Obj) -> str:
    kind = entry.get("type", "")
    key = kind[:1].lower() + kind[1:]
    source, unknown = entry.get(key) or {}, "<unknown>"
    target, current = source.get("target") or {}, (status.get(key) or {}).get("current") or {}
    if kind in ("Resource", "ContainerResource"):
        name = source.get("name")
        if target.get("averageValue") is not None:
            return f"{name}: {current.get('averageValue', unknown)}/{target['averageValue']}"
        have, want = current.get("averageUtilization"), target.get("averageUtilization")
        shown = unknown if have is None else f"{have}%"
        return f"{name}: {shown}/{'<auto>' if want is None else f'{want}%'}"
    if kind == "Pods":
        return f"{current.get('averageValue', unknown)}/{target.get('averageValue')}"
    if target.get("averageValue") is not None:
        return f"{current.get('averageValue', unknown)}/{target['averageValue']} (avg)"
    return f"{current.get('value', unknown)}/{target.get('value')}"


def _secret(obj: Obj, now: datetime) -> Cells:
    return [obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or ()), _age(obj, now)]


def _configmap(obj: Obj, now: datetime) -> Cells:
    size = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [obj["metadata"]["name"], size, _age(obj, now)]


def _namespace(obj: Obj, now: datetime) -> Cells:
    return [obj["metadata"]["name"], (obj.get("status") or {}).get("phase", ""), _age(obj, now)]


def _plain(obj: Obj, now: datetime) -> Cells:
    return [obj["metadata"]["name"], _age(obj, now)]


def _created(obj: Obj, now: datetime) -> Cells:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")]


def _lease(obj: Obj, now: datetime) -> Cells:
    return [obj["metadata"]["name"], (obj.get("spec") or {}).get("holderIdentity") or "", _age(obj, now)]


def _revision(obj: Obj, now: datetime) -> Cells:
    owner = next((o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), None)
    shown = NONE
    if owner:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = owner["kind"].lower()
        shown = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [obj["metadata"]["name"], shown, obj.get("revision", 0), _age(obj, now)]


def _network_policy(obj: Obj, now: datetime) -> Cells:
    return [obj["metadata"]["name"], selector_text((obj.get("spec") or {}).get("podSelector")), _age(obj, now)]


def _priority_class(obj: Obj, now: datetime) -> Cells:
    name, policy = obj["metadata"]["name"], obj.get("preemptionPolicy", "")
    return [name, obj.get("value", 0), bool(obj.get("globalDefault")), _age(obj, now), policy]


# Column names; `*` marks a column of -o wide, `:i` and `:b` an integer or boolean, `@` a name.
PRINTERS: dict[tuple[str, str], tuple[str, Printer]] = {
    ("", "pods"): ("Name@|Ready|Status|Restarts|Age|IP*|Node*|Nominated Node*|Readiness Gates*", pod_cells),
    ("apps", "deployments"): ("Name@|Ready|Up-to-date|Available|Age|Containers*|Images*|Selector*", _deployment),
    ("apps", "replicasets"): (
        "Name@|Desired:i|Current:i|Ready:i|Age|Containers*|Images*|Selector*",
        _replicaset,
    ),
    ("apps", "statefulsets"): ("Name@|Ready|Age|Containers*|Images*", _statefulset),
    ("apps", "daemonsets"): (
        "Name@|Desired:i|Current:i|Ready:i|Up-to-date:i|Available:i|Node Selector|Age|Containers*|Images*|Selector*",
        _daemonset,
    ),
    ("apps", "controllerrevisions"): ("Name@|Controller|Revision|Age", _revision),
    ("batch", "jobs"): ("Name@|Status|Completions|Duration|Age|Containers*|Images*|Selector*", _job),
    ("batch", "cronjobs"): (
        "Name@|Schedule|Timezone|Suspend:b|Active:i|Last Schedule|Age|Containers*|Images*|Selector*",
        _cronjob,
    ),
    ("", "services"): ("Name@|Type|Cluster-IP|External-IP|Port(s)|Age|Selector*", _service),
    ("networking.k8s.io", "ingresses"): ("Name@|Class|Hosts|Address|Ports|Age", _ingress),
    ("networking.k8s.io", "ingressclasses"): ("Name@|Controller|Parameters|Age", _ingress_class),
    ("networking.k8s.io", "networkpolicies"): ("Name@|Pod-Selector|Age", _network_policy),
    ("", "endpoints"): ("Name@|Endpoints|Age", _endpoints),
    ("discovery.k8s.io", "endpointslices"): ("Name@|AddressType|Ports|Endpoints|Age", _endpointslice),
    ("", "nodes"): (
        "Name@|Status|Roles|Age|Version|Internal-IP*|External-IP*|OS-Image*|Kernel-Version*|Container-Runtime*",
        _node,
    ),
    ("", "events"): (
        "Last Seen|Type|Reason|Object|Subobject*|Source*|Message|First Seen*|Count*|Name@*",
        _event,
    ),
    ("", "namespaces"): ("Name@|Status|Age", _namespace),
    ("", "secrets"): ("Name@|Type|Data|Age", _secret),
    ("", "configmaps"): ("Name@|Data|Age", _configmap),
    ("", "serviceaccounts"): ("Name@|Age", _plain),
    ("", "persistentvolumes"): (
        "Name@|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age"
        "|VolumeMode*",
        _volume,
    ),
    ("", "persistentvolumeclaims"): (
        "Name@|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode*",
        _claim,
    ),
    ("", "resourcequotas"): ("Name@|Request|Limit|Age", _quota),
    ("", "limitranges"): ("Name@|Created At", _created),
    ("policy", "poddisruptionbudgets"): (
        "Name@|Min Available|Max Unavailable|Allowed Disruptions:i|Age",
        _pdb,
    ),
    ("autoscaling", "horizontalpodautoscalers"): (
        "Name@|Reference|Targets|MinPods|MaxPods|Replicas|Age",
        _hpa,
    ),
    ("rbac.authorization.k8s.io", "roles"): ("Name@|Created At", _created),
    ("rbac.authorization.k8s.io", "clusterroles"): ("Name@|Created At", _created),
    ("rbac.authorization.k8s.io", "rolebindings"): ("Name@|Role|Age|Users*|Groups*|ServiceAccounts*", _binding),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): (
        "Name@|Role|Age|Users*|Groups*|ServiceAccounts*",
        _binding,
    ),
    ("storage.k8s.io", "storageclasses"): (
        "Name@|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
        _storage_class,
    ),
    ("coordination.k8s.io", "leases"): ("Name@|Holder|Age", _lease),
    ("apiextensions.k8s.io", "customresourcedefinitions"): ("Name@|Created At", _created),
    ("scheduling.k8s.io", "priorityclasses"): (
        "Name@|Value:i|Global-Default:b|Age|PreemptionPolicy",
        _priority_class,
    ),
}
DEFAULT: tuple[str, Printer] = ("Name@|Created At", _created)
