"""The verbs on objects: get, list, watch, create, update, patch, apply, delete, deletecollection."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from apps.sandbox.kubeapi import codec, errors, patches, ssa
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.answers import Answer, Stream, json_answer
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import BadRequest, NotFound, Obj, UnsupportedMediaType
from apps.sandbox.kubeapi.escalation import forbid_escalation
from apps.sandbox.kubeapi.intake import (
    as_object,
    check_place,
    conform,
    go_map,
    patch_error,
    read_object,
    validation_level,
    warn,
)
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.rbac import Attributes
from apps.sandbox.kubeapi.request import Form, Request, Target, accepted_form, is_dry_run
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions, Propagation, WriteOptions
from apps.sandbox.kubeapi.tables import Printer, included, partial
from apps.sandbox.kubeapi.watch import Watcher, parse_watch

_FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_JSON, _MERGE = "application/json-patch+json", "application/merge-patch+json"
_STRATEGIC, _APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
# Kinds whose delete answers with the object instead of a Status (ReturnDeletedObject in their storage).
_RETURNED = frozenset(
    ("", name)
    for name in (
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
    )
) | {("storage.k8s.io", "storageclasses")}


class Objects:
    """Handles the object verbs of one cluster. `register` is told of each watch that opens."""

    def __init__(self, cluster: Cluster, *, register: Callable[[Watcher], None]) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._register = register

    # -- reading ---------------------------------------------------------------------------------------------

    def get(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """One object, as JSON, YAML, a Table or its metadata."""
        obj = self._store.get(resource, namespace=target.namespace, name=target.name)
        return self._shown(request, resource=resource, obj=obj)

    def _shown(self, request: Request, *, resource: Resource, obj: Obj, status: int = 200) -> Answer:
        form = accepted_form(request.headers.get("accept", ""), kinds=_FORMS)
        if form.kind == "Table":
            version = obj.get("metadata", {}).get("resourceVersion", "")
            obj = self._table([obj], request=request, resource=resource, metadata={"resourceVersion": version})
        elif form.kind == "PartialObjectMetadata":
            obj = partial(obj)
        return json_answer(obj, status=status, form=form)

    def _table(self, objs: list[Obj], *, request: Request, resource: Resource, metadata: Obj) -> Obj:
        printer = Printer(resource, custom=self._cluster.customs.find(resource))
        include = included(request.query.get("includeObject", ""))
        return printer.table(objs, now=self._store.now(), include=include, metadata=metadata)

    def list(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """A page of objects."""
        self._check_list_version(request)
        page = self._store.list(
            resource,
            namespace=target.namespace,
            label_selector=request.query.get("labelSelector"),
            field_selector=request.query.get("fieldSelector"),
            limit=request.number("limit"),
            continue_=request.query.get("continue"),
        )
        metadata: Obj = {"resourceVersion": page.resource_version}
        if page.continue_:
            metadata["continue"] = page.continue_
            selective = request.query.get("labelSelector") or request.query.get("fieldSelector")
            if page.remaining is not None and not selective:
                metadata["remainingItemCount"] = page.remaining
        form = accepted_form(request.headers.get("accept", ""), kinds=_FORMS)
        if form.kind == "Table":
            body = self._table(page.items, request=request, resource=resource, metadata=metadata)
        elif form.kind:
            body = {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": [partial(obj) for obj in page.items],
            }
        else:
            body = {
                "kind": resource.list_name,
                "apiVersion": resource.api_version,
                "metadata": metadata,
                "items": page.items if resource.custom else [_without_type(obj) for obj in page.items],
            }
        return json_answer(body, form=form)

    def _check_list_version(self, request: Request) -> None:
        causes = list_option_causes(request)
        if causes:
            raise errors.invalid("meta.k8s.io", kind="ListOptions", name="", causes=causes)
        version = request.query.get("resourceVersion", "")
        if not version or request.query.get("continue"):
            return
        if not version.isdigit():
            said = f'strconv.ParseUint: parsing "{version}": invalid syntax'
            raise BadRequest(f'invalid resource version: resourceVersion: Invalid value: "{version}": {said}')
        now = self._store.version
        if int(version) > now:
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            raise errors.TooLargeVersion(
                f"Timeout: Too large resource version: {version}, current: {now}",
                details={"causes": [cause], "retryAfterSeconds": 1},
            )
        if request.query.get("resourceVersionMatch") == "Exact" and int(version) < now:
            raise errors.Expired(f"The resourceVersion for the provided list is too old: {version} ({now})")

    def watch(self, request: Request, *, resource: Resource, target: Target) -> Stream:
        """The stream of changes."""
        query = parse_watch(request, resource=resource, namespace=target.namespace, name=target.name)
        form = accepted_form(request.headers.get("accept", ""), kinds=_FORMS)
        watcher = Watcher(self._store, query=query, render=self._renderer(form, request=request, resource=resource))
        self._register(watcher)
        return Stream(lines=watcher.lines())

    def _renderer(self, form: Form, *, request: Request, resource: Resource) -> Callable[[Obj], Obj]:
        if form.kind == "Table":
            printer = Printer(resource, custom=self._cluster.customs.find(resource))
            include = included(request.query.get("includeObject", ""))
            first = [True]

            def as_table(obj: Obj) -> Obj:
                if "name" not in obj["metadata"]:  # a bookmark
                    return obj
                headers, first[0] = first[0], False
                version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
                return printer.table([obj], now=self._store.now(), include=include, metadata=version, headers=headers)

            return as_table
        return partial if form.kind else lambda obj: obj

    # -- writing ---------------------------------------------------------------------------------------------

    def create(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """A new object."""
        obj = read_object(self._cluster, request=request, resource=resource)
        check_place(obj, namespace=target.namespace, name="")
        if obj["metadata"].get("resourceVersion"):
            raise errors.PlainError("resourceVersion should not be set on objects to be created")
        forbid_escalation(self._cluster, user=request.user, resource=resource, obj=obj)
        options = WriteOptions(manager=request.manager, dry_run=request.dry_run)
        made = self._store.create(resource, obj=obj, options=options)
        return self._shown(request, resource=resource, obj=made, status=201)

    def update(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """An object replaced, or its status."""
        obj = read_object(self._cluster, request=request, resource=resource)
        check_place(obj, namespace=target.namespace, name=target.name)
        if not obj["metadata"].get("name"):
            raise BadRequest("name must be provided")
        if resource.custom and not obj["metadata"].get("resourceVersion"):
            self._store.get(resource, namespace=target.namespace, name=target.name)
            cause = fe.invalid("metadata.resourceVersion", value=0, detail="must be specified for an update")
            raise errors.invalid(resource.group, kind=resource.kind, name=target.name, causes=[cause])
        forbid_escalation(self._cluster, user=request.user, resource=resource, obj=obj)
        done = self._store.update(resource, obj=obj, options=self._options(request, target=target))
        return self._shown(request, resource=resource, obj=done)

    @staticmethod
    def _options(request: Request, *, target: Target) -> WriteOptions:
        return WriteOptions(manager=request.manager, dry_run=request.dry_run, subresource=target.subresource)

    def patch(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """An object patched, by one of the four kinds of patch."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind == _APPLY:
            return self._apply(request, resource=resource, target=target)
        if request.flag("force"):
            cause = fe.forbidden("force", detail="may not be specified for non-apply patch")
            raise errors.invalid("meta.k8s.io", kind="PatchOptions", name="", causes=[cause])
        with self._store.lock:
            live = self._store.get(resource, namespace=target.namespace, name=target.name)
            patched = self._patched(kind, request=request, resource=resource, live=live)
            _forbid_new_uid(resource, obj=patched, live=live)
            obj = self._conforming(request, resource=resource, obj=patched)
            check_place(obj, namespace=target.namespace, name=target.name)
            forbid_escalation(self._cluster, user=request.user, resource=resource, obj=obj)
            done = self._store.update(resource, obj=obj, options=self._options(request, target=target))
        return self._shown(request, resource=resource, obj=done)

    def _patched(self, kind: str, *, request: Request, resource: Resource, live: Obj) -> Obj:
        accepted = [_JSON, _MERGE, _APPLY] if resource.custom else [_JSON, _MERGE, _STRATEGIC, _APPLY]
        if kind not in (_JSON, _MERGE, _STRATEGIC):
            raise UnsupportedMediaType("415: Unsupported Media Type", details={})
        if kind not in accepted:
            raise UnsupportedMediaType(
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(accepted)
            )
        patch = codec.parse(request.body, content_type="application/json", context="error decoding patch").value
        if kind == _JSON:
            return patches.json_patch(live, patch=patch)
        if not isinstance(patch, dict):
            got = "array" if isinstance(patch, list) else "string" if isinstance(patch, str) else "number"
            said = f"json: cannot unmarshal {got} into Go value of type map[string]interface {{}}"
            raise BadRequest(f"error decoding patch: {said}")
        if kind == _MERGE:
            merged: Obj = patches.merge_patch(live, patch=patch)
            return merged
        schema = self._cluster.rules.schema_of(resource)
        return patches.strategic_patch(spec.types(), node=schema, obj=live, patch=patch)

    def _conforming(self, request: Request, *, resource: Resource, obj: Any) -> Obj:
        """The patched object as its type holds it; what the patch brought and the type lacks is reported."""
        shown = json.dumps(obj, sort_keys=True, separators=(",", ":"))
        if _STRATEGIC in request.headers.get("content-type", ""):
            shown = go_map(codec.parse(request.body, content_type="application/json").value)
        try:
            typed, unknown = conform(self._cluster, resource=resource, obj=as_object(obj, resource=resource))
        except BadRequest as error:
            raise patch_error(shown, why=error.message.rpartition(f"as a {resource.kind}: ")[2]) from error
        problems = [f'unknown field "{path}"' for path in unknown]
        if problems and validation_level(request) == "Strict":
            raise patch_error(shown, why=f"strict decoding error: {', '.join(problems)}")
        warn(request, problems=problems)
        return typed

    def _apply(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        if not request.query.get("fieldManager"):
            cause = fe.required("fieldManager", detail="is required for apply patch")
            raise errors.invalid("meta.k8s.io", kind="PatchOptions", name="", causes=[cause])
        config = self._apply_config(request, resource=resource, target=target)
        options = WriteOptions(
            manager=request.query["fieldManager"],
            dry_run=request.dry_run,
            subresource=target.subresource,
            operation="Apply",
        )
        with self._store.lock:
            live = self._store.find(resource, namespace=target.namespace, name=target.name)
            if live is None and target.subresource:
                raise errors.not_found(resource.group, plural=resource.plural, name=target.name)
            writer = self._cluster.rules.writer(self._store, resource=resource, options=options)
            result = ssa.apply(writer, live=live or {}, config=config, force=request.flag("force"))
            obj, _ = conform(self._cluster, resource=resource, obj={**result, **_type_of(resource)})
            forbid_escalation(self._cluster, user=request.user, resource=resource, obj=obj)
            if live is None:
                self._require_create(request, resource=resource, target=target)
                made = self._store.create(resource, obj=obj, options=options)
                return self._shown(request, resource=resource, obj=made, status=201)
            done = self._store.update(resource, obj=obj, options=options)
        return self._shown(request, resource=resource, obj=done)

    def _apply_config(self, request: Request, *, resource: Resource, target: Target) -> Obj:
        try:
            config = codec.parse(request.body, content_type="application/yaml").value
        except BadRequest as error:
            raise BadRequest(f"error decoding YAML: {error.message}") from error
        if not isinstance(config, dict):
            raise BadRequest("error decoding YAML: not an object")
        version, kind = config.get("apiVersion", ""), config.get("kind", "")
        group, _, short = version.rpartition("/")
        if kind != resource.kind or not version:
            raise BadRequest(f"invalid object type: {group}/{short}, Kind={kind}")
        if version != resource.api_version:
            raise BadRequest(
                f"Incorrect version specified in apply patch. Specified patch version: {version}, "
                f"expected: {resource.api_version}"
            )
        config = as_object(config, resource=resource)
        given = config.get("metadata") or {}
        who = f"{given.get('namespace', '')}/{given.get('name', '')}; {group}/{short}, Kind={kind}"
        live = self._store.find(resource, namespace=target.namespace, name=target.name)
        if live is None and given.get("uid"):
            why = f"uid mismatch: the provided object specified uid {given['uid']}, and no existing object was found"
            raise errors.conflict(resource.group, plural=resource.plural, name=target.name, why=why)
        if live is None and not given.get("name"):
            raise BadRequest(
                f"the name of the object ({target.name} based on URL) was undeterminable: name must be provided"
            )
        check_place(config, namespace=target.namespace, name=target.name)
        if config["metadata"].get("managedFields"):
            raise BadRequest("metadata.managedFields must be nil")
        _, unknown = conform(self._cluster, resource=resource, obj=config)
        if unknown:
            said = "\n".join(f".{path}: field not declared in schema" for path in unknown)
            raise errors.PlainError(f"failed to create typed patch object ({who}): {said}")
        if target.subresource == "status":
            return {key: value for key, value in config.items() if key not in ("spec",)}
        has_status = "status" in resource.subresources
        return {key: value for key, value in config.items() if not (has_status and key == "status")}

    def _require_create(self, request: Request, *, resource: Resource, target: Target) -> None:
        """An apply that creates needs the right to create as well as to patch."""
        asked = Attributes(
            verb="create", group=resource.group, resource=resource.plural, namespace=target.namespace or "",
            name=target.name,
        )  # fmt: skip
        self._cluster.authorizer.require(request.user, asked=asked)

    # -- deleting --------------------------------------------------------------------------------------------

    def delete(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """An object deleted: the object while it lives on, a Status when it is gone."""
        options = delete_options(request)
        obj, gone = self._store.delete(resource, namespace=target.namespace, name=target.name, options=options)
        if not gone or resource.key in _RETURNED:
            return self._shown(request, resource=resource, obj=obj)
        details = errors.details_of(group=resource.group, plural=resource.plural, name=target.name)
        details["uid"] = obj["metadata"]["uid"]
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return json_answer(body)

    def delete_collection(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """Every object that the selectors name, deleted."""
        options = delete_options(request)
        page = self._store.list(
            resource,
            namespace=target.namespace,
            label_selector=request.query.get("labelSelector"),
            field_selector=request.query.get("fieldSelector"),
        )
        deleted = []
        for obj in page.items:
            metadata = obj["metadata"]
            try:
                last, _ = self._store.delete(
                    resource, namespace=metadata.get("namespace"), name=metadata["name"], options=options
                )
            except NotFound:
                continue  # it went with an owner deleted just before
            deleted.append(last)
        body = {
            "kind": resource.list_name,
            "apiVersion": resource.api_version,
            "metadata": {"resourceVersion": str(self._store.version)},
            "items": deleted,
        }
        return json_answer(body)


def _forbid_new_uid(resource: Resource, *, obj: Any, live: Obj) -> None:
    """A patch may not change the uid."""
    uid = (obj.get("metadata") or {}).get("uid") if isinstance(obj, dict) else None
    if uid and uid != live["metadata"]["uid"]:
        cause = fe.invalid("metadata.uid", value=uid, detail="field is immutable")
        name = live["metadata"]["name"]
        raise errors.invalid(resource.group, kind=resource.kind, name=name, causes=[cause, cause])


def list_option_causes(request: Request) -> list[errors.Cause]:
    """What is wrong with how a list names its version (apimachinery `ValidateListOptions`)."""
    found, query = [], request.query
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if match:
        if not version:
            said = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            found.append(fe.forbidden("resourceVersionMatch", detail=said))
        if query.get("continue"):
            said = "resourceVersionMatch is forbidden when continue is provided"
            found.append(fe.forbidden("resourceVersionMatch", detail=said))
        if match not in ("Exact", "NotOlderThan"):
            allowed = ("Exact", "NotOlderThan", "")
            found.append(fe.unsupported("resourceVersionMatch", value=match, allowed=allowed))
        if match == "Exact" and version == "0":
            said = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            found.append(fe.forbidden("resourceVersionMatch", detail=said))
    if "sendInitialEvents" in query:
        found.append(fe.forbidden("sendInitialEvents", detail="sendInitialEvents is forbidden for list"))
    return found


def _without_type(obj: Obj) -> Obj:
    """The object without kind and apiVersion, as lists of built-ins hold their items."""
    return {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}


def _type_of(resource: Resource) -> Obj:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def delete_options(request: Request) -> DeleteOptions:
    """The DeleteOptions of a body, or of the query when there is none. Raises BadRequest or Invalid."""
    body: Obj = {}
    if request.body:
        value = codec.parse(request.body, content_type=request.headers.get("content-type", "")).value
        body = value if isinstance(value, dict) else {}
    policy = body.get("propagationPolicy") or request.query.get("propagationPolicy") or None
    orphan = body.get("orphanDependents")
    if policy is not None and orphan is not None:
        said = "orphanDependents and deletionPropagation cannot be both set"
        cause = fe.invalid("propagationPolicy", value=policy, detail=said)
        raise errors.invalid("meta.k8s.io", kind="DeleteOptions", name="", causes=[cause])
    if policy is None and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    grace = body.get("gracePeriodSeconds")
    dry = body.get("dryRun") or []
    conditions = body.get("preconditions") or {}
    return DeleteOptions(
        propagation=_propagation(policy),
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
        grace_seconds=grace if grace is not None else request.number("gracePeriodSeconds"),
        dry_run=request.dry_run or any(is_dry_run(str(entry)) for entry in dry),
    )


def _propagation(policy: str | None) -> Propagation | None:
    match policy:
        case None | "Background" | "Foreground" | "Orphan":
            return policy
    cause = fe.unsupported("propagationPolicy", value=policy, allowed=("Foreground", "Background", "Orphan", "nil"))
    raise errors.invalid("meta.k8s.io", kind="DeleteOptions", name="", causes=[cause])
