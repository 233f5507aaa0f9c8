"""Access and token reviews: questions about rights that are asked by creating an object."""

from __future__ import annotations

from collections.abc import Callable

from apps.sandbox.kubeapi import codec
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.answers import Answer, json_answer
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import BadRequest, Cause, Invalid, Obj, invalid
from apps.sandbox.kubeapi.rbac import MASTERS, Attributes
from apps.sandbox.kubeapi.request import Request, Target, User

_ALL: list[Obj] = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
_ALL_PATHS: list[Obj] = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]


def _attributes(spec: Obj) -> Attributes:
    paths, resources = spec.get("nonResourceAttributes"), spec.get("resourceAttributes")
    if paths:
        return Attributes(verb=paths.get("verb", ""), path=paths.get("path", ""))
    if not resources:
        said = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise _invalid(fe.invalid("spec.resourceAttributes", value=None, detail=said))
    return Attributes(
        verb=resources.get("verb", ""),
        group=resources.get("group", ""),
        resource=resources.get("resource", ""),
        subresource=resources.get("subresource", ""),
        namespace=resources.get("namespace", ""),
        name=resources.get("name", ""),
    )


class Reviews:
    """Answers reviews for one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._by_plural: dict[str, Callable[[Request, Target, Obj], Obj]] = {
            "selfsubjectaccessreviews": self._self_access,
            "subjectaccessreviews": self._access,
            "localsubjectaccessreviews": self._access,
            "selfsubjectrulesreviews": self._rules,
            "selfsubjectreviews": self._who,
            "tokenreviews": self._token,
        }

    def handles(self, target: Target) -> bool:
        """Whether the target is a review."""
        groups = ("authorization.k8s.io", "authentication.k8s.io")
        return target.group in groups and target.plural in self._by_plural

    def handle(self, request: Request, *, target: Target) -> Answer:
        """The review with its status."""
        body = codec.parse(request.body, content_type=request.headers.get("content-type", "")).value
        if not isinstance(body, dict):
            raise BadRequest("the body is not an object")
        status = self._by_plural[target.plural](request, target, body.get("spec") or {})
        kind = {**body, "metadata": body.get("metadata") or {}, "status": status}
        return json_answer(kind, status=201)

    def _judged(self, user: User, spec: Obj) -> Obj:
        allowed = self._cluster.authorizer.allows(user, asked=_attributes(spec))
        return {"allowed": allowed}

    def _self_access(self, request: Request, target: Target, spec: Obj) -> Obj:
        return self._judged(request.user, spec)

    def _access(self, request: Request, target: Target, spec: Obj) -> Obj:
        if not spec.get("user") and not spec.get("groups"):
            said = "at least one of user or group must be specified"
            raise _invalid(fe.invalid("spec.user", value="", detail=said))
        user = User(name=spec.get("user", ""), groups=tuple(spec.get("groups") or ()), uid=spec.get("uid", ""))
        return self._judged(user, spec)

    def _rules(self, request: Request, target: Target, spec: Obj) -> Obj:
        rules = list(self._cluster.authorizer.rules(request.user, namespace=spec.get("namespace", "")))
        resources = [_only(rule, "resources", "resourceNames", "apiGroups") for rule in rules if rule.get("resources")]
        paths = [_only(rule, "nonResourceURLs") for rule in rules if rule.get("nonResourceURLs")]
        if MASTERS in request.user.groups:
            resources, paths = _ALL + resources, _ALL_PATHS + paths
        return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}

    def _who(self, request: Request, target: Target, spec: Obj) -> Obj:
        return {"userInfo": _user_info(request.user)}

    def _token(self, request: Request, target: Target, spec: Obj) -> Obj:
        user = self._cluster.accounts.user_of_token(spec.get("token", ""))
        if user is None:
            return {"user": {}, "error": "invalid bearer token"}
        return {"authenticated": True, "user": _user_info(user)}


def _invalid(cause: Cause) -> Invalid:
    return invalid("authorization.k8s.io", kind="", name="", causes=[cause])


def _only(rule: Obj, *keys: str) -> Obj:
    return {"verbs": rule.get("verbs") or []} | {key: rule[key] for key in keys if rule.get(key)}


def _user_info(user: User) -> Obj:
    body: Obj = {"username": user.name, "groups": list(user.groups)}
    return body | ({"uid": user.uid} if user.uid else {})
