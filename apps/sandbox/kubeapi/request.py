"""A request taken apart: which API, which object, which verb, and the answer's form that the client accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from apps.sandbox.kubeapi.errors import BadRequest, invalid
from apps.sandbox.kubeapi.fielderrors import unsupported

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


ANONYMOUS = User(name="system:anonymous", groups=("system:unauthenticated",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The part of a path that names resources. `namespace` is None for cluster-wide requests."""

    group: str
    version: str
    plural: str
    namespace: str | None = None
    name: str = ""
    subresource: str = ""


@dataclass(slots=True, kw_only=True)
class Request:
    """An HTTP request with its body read. Header names are lower case."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = ANONYMOUS
    warnings: list[str] = field(default_factory=list)

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is on: everything but 0 and false is (apimachinery's conversion)."""
        return name in self.query and self.query[name].lower() not in ("0", "false")

    def number(self, name: str) -> int | None:
        """A whole-number query parameter, or None when it is absent."""
        value = self.query.get(name)
        if not value:
            return None
        try:
            return int(value)
        except ValueError as error:
            raise BadRequest(f'strconv.ParseInt: parsing "{value}": invalid syntax') from error

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored. Raises BadRequest for a directive other than All."""
        return is_dry_run(self.query.get("dryRun", ""), method=self.method)

    @property
    def manager(self) -> str:
        """The field manager: as given, or the first part of the User-Agent."""
        given = self.query.get("fieldManager", "")
        return given or self.headers.get("user-agent", "").partition("/")[0][:128] or "unknown"


OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}


def is_dry_run(value: str, *, method: str = "POST") -> bool:
    """Whether a dryRun directive is on. Raises Invalid."""
    if value in ("", "All"):
        return value == "All"
    cause = unsupported("dryRun", value=[value], allowed=["All"])
    raise invalid("meta.k8s.io", kind=OPTIONS.get(method, "CreateOptions"), name="", causes=[cause])


def parse_query(raw: bytes) -> dict[str, str]:
    """The query parameters; the last of a repeated one counts."""
    pairs = parse_qs(raw.decode("latin-1"), keep_blank_values=True)
    return {key: values[-1] for key, values in pairs.items()}


def parse_target(path: str) -> Target | None:
    """The resources that a path names, or None when it is not a resource path."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace: str | None = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3 or "" in rest:
        return None
    name = rest[1] if len(rest) > 1 else ""
    return Target(
        group=group,
        version=version,
        plural=rest[0],
        namespace=namespace,
        name=name,
        subresource=rest[2] if len(rest) > 2 else "",
    )


def verb_of(request: Request, *, target: Target) -> str:
    """The API verb: get, list, watch, create, update, patch, delete or deletecollection."""
    if request.method in ("GET", "HEAD"):
        if target.name:
            return "get"
        return "watch" if request.flag("watch") else "list"
    if request.method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return _VERBS.get(request.method, request.method.lower())


@dataclass(frozen=True, slots=True)
class Form:
    """The form of answer that a client asked for: `kind` is "", Table, PartialObjectMetadata or a discovery list."""

    kind: str = ""
    version: str = ""
    yaml: bool = False


def accepted_form(accept: str, *, kinds: tuple[str, ...]) -> Form:
    """The first clause of an Accept header that can be served; plain JSON when none asks for more."""
    for clause in accept.split(","):
        media, *parameters = [part.strip() for part in clause.split(";")]
        values = dict(part.split("=", 1) for part in parameters if "=" in part)
        if media in ("application/yaml", "text/yaml"):
            return Form(yaml=True)
        if media not in ("application/json", "*/*", "application/*", ""):
            continue
        wanted = values.get("as", "")
        if not wanted:
            return Form()
        if wanted in kinds:
            return Form(kind=wanted, version=values.get("v", ""))
    return Form()
