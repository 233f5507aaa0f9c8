"""The ASGI application that speaks the Kubernetes API for one cluster.

A request goes: fault hook (tests) -> authentication -> authorization -> handler -> answer. Mount it under any path
prefix (the ASGI root_path); the paths below the prefix are those of a real server. Handlers are synchronous and short,
for the store is in memory; only watches stay open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from weakref import WeakSet

from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.accounts import account_user
from apps.sandbox.kubeapi.answers import Answer, Stream, error_answer, json_answer, text_answer
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.discovery import VERSION, Discovery
from apps.sandbox.kubeapi.errors import ApiError, MethodNotAllowed, PageNotFound, ResourceNotFound
from apps.sandbox.kubeapi.evictions import Children
from apps.sandbox.kubeapi.objects import Objects
from apps.sandbox.kubeapi.rbac import Attributes
from apps.sandbox.kubeapi.request import Request, Target, User, accepted_form, parse_query, parse_target, verb_of
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.reviews import Reviews
from apps.sandbox.kubeapi.scale import Scales
from apps.sandbox.kubeapi.watch import Watcher

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Fault = Callable[[Request], Awaitable[Answer | None]]

LARGEST_BODY = 3 * 1024 * 1024  # bytes, as kube-apiserver's --max-request-body-bytes
_HEALTH = ("/healthz", "/livez", "/readyz")
_LOG = logging.getLogger(__name__)


class KubeApp:
    """Serves one cluster. `fault`, when set, sees each request first: it may answer, raise ApiError, or hang."""

    def __init__(self, cluster: Cluster, *, fault: Fault | None = None) -> None:
        self.cluster = cluster
        self.fault = fault
        self._watchers: WeakSet[Watcher] = WeakSet()
        self._objects = Objects(cluster, register=self._watchers.add)
        self._scales = Scales(cluster)
        self._children = Children(cluster)
        self._reviews = Reviews(cluster)
        self._discovery = Discovery(cluster.customs)

    def close_watches(self) -> None:
        """End every open watch, as a restart of the server does."""
        for watcher in list(self._watchers):
            watcher.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry; only HTTP is spoken."""
        if scope["type"] != "http":
            return
        request, answer = None, None
        try:
            request = await self._read(scope, receive)
            answer = await self._answer(request)
        except ApiError as error:
            answer = error_answer(error)
        except Exception:  # noqa: BLE001  # the last resort of a server: logged whole, answered 500
            _LOG.exception("request failed", extra={"path": scope.get("path"), "cluster": self.cluster.name})
            answer = error_answer(errors.InternalError("an error on the server has prevented the request"))
        if isinstance(answer, Stream):
            await _send_stream(answer, receive=receive, send=send)
        else:
            warnings = request.warnings if request else []
            await _send_answer(answer, warnings=warnings, head=scope["method"] == "HEAD", send=send)

    async def _read(self, scope: Scope, receive: Receive) -> Request:
        prefix = scope.get("root_path", "")
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > LARGEST_BODY:
                raise _TooLarge(f"Request entity too large: limit is {LARGEST_BODY}")
            if not message.get("more_body"):
                break
        return Request(
            method=scope["method"],
            path=scope["path"].removeprefix(prefix) or "/",
            query=parse_query(scope.get("query_string", b"")),
            headers=_headers(scope["headers"]),
            body=body,
        )

    async def _answer(self, request: Request) -> Answer | Stream:
        if self.fault is not None:
            injected = await self.fault(request)
            if injected is not None:
                return injected
        request.user = self.cluster.accounts.user_of(request.headers.get("authorization", ""))
        request.user = self._impersonated(request)
        target = parse_target(request.path)
        if target is None:
            asked = Attributes(verb=request.method.lower(), path=request.path)
            self.cluster.authorizer.require(request.user, asked=asked)
            return self._plain(request)
        verb = verb_of(request, target=target)
        self._authorize(request, target=target, verb=verb)
        return self._handle(request, target=target, verb=verb)

    def _impersonated(self, request: Request) -> User:
        """The user that the Impersonate headers name, if the caller may act as them."""
        name = request.headers.get("impersonate-user", "")
        if not name:
            return request.user
        groups = tuple(g for g in request.headers.get("impersonate-group", "").split("\n") if g)
        space, _, account = name.removeprefix("system:serviceaccount:").partition(":")
        is_account = name.startswith("system:serviceaccount:") and bool(account)
        wanted = Attributes(verb="impersonate", resource="users", name=name)
        if is_account:
            wanted = Attributes(verb="impersonate", resource="serviceaccounts", namespace=space, name=account)
        for asked in (wanted, *(Attributes(verb="impersonate", resource="groups", name=group) for group in groups)):
            self.cluster.authorizer.require(request.user, asked=asked)
        if is_account:
            return account_user(space, name=account)
        return User(name=name, groups=tuple(dict.fromkeys((*groups, "system:authenticated"))))

    def _authorize(self, request: Request, *, target: Target, verb: str) -> None:
        namespace = target.namespace
        if target.plural == "namespaces" and target.group == "" and target.name:
            namespace = target.name
        asked = Attributes(
            verb=verb,
            group=target.group,
            resource=target.plural,
            subresource=target.subresource,
            namespace=namespace or "",
            name=target.name or _named_field(request, verb),
        )
        self.cluster.authorizer.require(request.user, asked=asked)

    def _handle(self, request: Request, *, target: Target, verb: str) -> Answer | Stream:
        resource = self.cluster.registry.find(target.group, version=target.version, plural=target.plural)
        if resource is None:
            raise ResourceNotFound if target.group in self.cluster.registry.groups() else PageNotFound
        verb = self._fitting(verb, target=target)
        if self._reviews.handles(target):
            if verb != "create":
                raise MethodNotAllowed
            return self._reviews.handle(request, target=target)
        if target.subresource:
            return self._subresource(request, resource=resource, target=target, verb=verb)
        if verb not in resource.verbs or (verb == "create" and resource.namespaced and target.namespace is None):
            raise MethodNotAllowed
        handlers: dict[str, Callable[..., Answer | Stream]] = {
            "get": self._objects.get,
            "list": self._objects.list,
            "watch": self._objects.watch,
            "create": self._objects.create,
            "update": self._objects.update,
            "patch": self._objects.patch,
            "delete": self._objects.delete,
            "deletecollection": self._objects.delete_collection,
        }
        handler = handlers.get(verb)
        if handler is None:
            raise MethodNotAllowed
        if verb == "get" and request.flag("watch"):
            handler = self._objects.watch
        return handler(request, resource=resource, target=target)

    @staticmethod
    def _fitting(verb: str, *, target: Target) -> str:
        """The verb, if the path has a name where the verb wants one and none where it does not."""
        if bool(target.name) is (verb in ("update", "patch")) or verb not in ("create", "update", "patch"):
            return verb
        if target.subresource:
            return verb
        raise MethodNotAllowed

    def _subresource(self, request: Request, *, resource: Resource, target: Target, verb: str) -> Answer:
        if target.subresource not in resource.subresources:
            raise ResourceNotFound
        match target.subresource, verb:
            case "scale", "get" | "update" | "patch":
                return self._scales.handle(request, resource=resource, target=target)
            case "eviction", "create":
                return self._children.evict(request, target=target)
            case "binding", "create":
                return self._children.bind(request, target=target)
            case "token", "create":
                return self._children.token(request, target=target)
            case "status", "get":
                return self._objects.get(request, resource=resource, target=target)
            case "status", "update":
                return self._objects.update(request, resource=resource, target=target)
            case "finalize", "update":
                return self._objects.update(request, resource=resource, target=target)
            case "status", "patch":
                return self._objects.patch(request, resource=resource, target=target)
        raise MethodNotAllowed

    def _plain(self, request: Request) -> Answer:
        """The paths that name no resource."""
        path = request.path.rstrip("/") or "/"
        if request.method not in ("GET", "HEAD"):
            raise PageNotFound
        if path.startswith(_HEALTH):
            return text_answer("ok")
        if path == "/version":
            return json_answer(VERSION)
        if path == "/":
            return json_answer(self._discovery.root())
        if path == "/openapi/v3":
            return json_answer(self._discovery.openapi_index())
        if path.startswith("/openapi/v3/"):
            document = self._discovery.openapi(path.removeprefix("/openapi/v3/"))
            if document is None:
                raise PageNotFound
            return Answer(status=200, body=document)
        form = accepted_form(request.headers.get("accept", ""), kinds=("APIGroupDiscoveryList",))
        found = self._discovery.answer(path, form=form)
        if found is None:
            raise PageNotFound
        answer = json_answer(found, form=form)
        if form.kind and path in ("/api", "/apis"):
            answer.content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        return answer


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by lower-case name; a repeated one has its values on lines of their own."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}\n{text}" if key in found else text
    return found


class _TooLarge(ApiError):
    code, reason = 413, "RequestEntityTooLarge"


def _named_field(request: Request, verb: str) -> str:
    """The name that a list or watch of one object asks for, so that resourceNames can allow it."""
    if verb in ("list", "watch", "deletecollection"):
        selector = request.query.get("fieldSelector", "")
        if selector.startswith("metadata.name=") and "," not in selector:
            return selector.partition("=")[2].lstrip("=")
    return ""


async def _send_answer(answer: Answer, *, warnings: list[str], head: bool, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-cache, private"),
    ]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    for text in dict.fromkeys(warnings):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        headers.append((b"warning", f'299 - "{quoted}"'.encode("ascii", "replace")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def _send_stream(stream: Stream, *, receive: Receive, send: Send) -> None:
    """Send lines until the stream ends or the client goes."""
    headers = [(b"content-type", stream.content_type.encode()), (b"cache-control", b"no-cache, private")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def pump() -> None:
        async for line in stream.lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(pump()), asyncio.create_task(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            _LOG.warning("watch ended badly", extra={"error": repr(result)})
    if not isinstance(results[1], asyncio.CancelledError):
        return  # the client is gone: nothing more can be sent
    await send({"type": "http.response.body", "body": b""})
