"""Links to other tools beside an object: Grafana, Argo CD, a cloud's console. PLIMSOLL_LINKS says which.

    [{"kind": "workload", "label": "Grafana", "url": "https://grafana.example/d/abc?var-ns={namespace}&var-name={name}"}]

`{cluster}`, `{namespace}`, `{name}`, `{object_kind}` and `{environment}` are put in, quoted; nothing else of an object
can be named, so that no secret gets into an address. A link that lacks a value is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from urllib.parse import quote, urlsplit

from django.conf import settings

from apps.kernel.errors import InvalidInput

KINDS = ("workload", "cluster", "policy")
NAMES = frozenset({"cluster", "namespace", "name", "object_kind", "environment"})


@dataclass(frozen=True, slots=True)
class Link:
    kind: str
    label: str
    url: str


def parse(text: str) -> tuple[Link, ...]:
    """The links of the setting's JSON; InvalidInput names what is wrong with it."""
    if not text.strip():
        return ()
    try:
        found = tuple(Link(str(one["kind"]), str(one["label"]), str(one["url"])) for one in json.loads(text))
    except (ValueError, TypeError, KeyError) as e:
        mend = 'write a JSON list of {"kind", "label", "url"}'
        raise InvalidInput(f"cannot be read: {e}", field="PLIMSOLL_LINKS", mend=mend) from e
    for link in found:
        _check(link)
    return found


def _check(link: Link) -> None:
    if link.kind not in KINDS:
        raise InvalidInput(f"no kind {link.kind!r}", field="PLIMSOLL_LINKS", mend="one of " + ", ".join(KINDS))
    if urlsplit(link.url).scheme not in ("http", "https"):
        raise InvalidInput(f"{link.label}: not a web address", field="PLIMSOLL_LINKS", mend="begin with https://")
    try:
        unknown = {name for _text, name, _spec, _conv in Formatter().parse(link.url) if name is not None} - NAMES
    except ValueError as e:
        raise InvalidInput(f"{link.label}: {e}", field="PLIMSOLL_LINKS", mend="close each brace") from e
    if unknown:
        mend = "use " + ", ".join(sorted(NAMES))
        raise InvalidInput(f"{link.label}: no {sorted(unknown)[0]!r} to put in", field="PLIMSOLL_LINKS", mend=mend)


def links_for(kind: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """(label, address) of each link of a kind whose values are all there."""
    quoted = {name: quote(value, safe="") for name, value in values.items() if value}
    found = []
    for link in parse(settings.PLIMSOLL_LINKS):
        wanted = {name for _text, name, _spec, _conv in Formatter().parse(link.url) if name}
        if link.kind == kind and wanted <= quoted.keys():
            found.append((link.label, link.url.format(**quoted)))
    return found
