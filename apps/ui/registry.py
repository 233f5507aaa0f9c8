"""What pages are put together from, registered by the apps above in their `AppConfig.ready`.

    register("nav", "apps.fleet.pages.NAV")

A path names a sequence of the kind's entries (for `sentences` a mapping of reason code to lazy template, for `live` a
mapping of topic to function). Nothing is imported before a page asks for it.

    nav          NavItem            a line of the menu
    panels       Panel              a card on a page put together from several apps (Overview, object pages)
    row_actions  RowAction          what can be done to one row, or to many
    search       SearchSource       finds objects for the palette
    timeline     TimelineSource     what happened to one object
    sentences    code -> template   the sentence of a reason, with named %(operand)s
    titles       code -> words      the reason in a few words, for menus and counts
    live         topic -> function  which of these ids may this user see
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, get_args

from apps.kernel.errors import InvalidInput
from apps.kernel.ports import load

Kind = Literal["nav", "panels", "row_actions", "search", "timeline", "sentences", "titles", "live"]
Text = Any  # str, or a gettext_lazy proxy of one: django-stubs gives the proxy no public name


@dataclass(frozen=True, slots=True)
class NavItem:
    """`url_name` takes no arguments. `badge` gives the number beside it for a user; 0 shows none. `icon` is a symbol
    of static/ui/icons.svg; `role` is what the user must have somewhere to be shown it."""

    key: str
    label: Text
    url_name: str
    icon: str
    order: int = 100
    badge: Callable[[Any], int] | None = None
    staff_only: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`page` is where it stands ("overview", "cluster", "workload", "policy"); `context(request, obj)` fills
    `template`, where `obj` is the page's object, None on the Overview. `topics` make it load again."""

    key: str
    page: str
    template: str
    context: Callable[[Any, Any], Mapping[str, Any]]
    order: int = 100
    column: Literal["main", "side", "wide"] = "main"
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowAction:
    """Something to do to rows of `table`. `url_name` takes the ids by POST (`ids`, or `all=1` and the filter) and
    answers with a preview first. `permitted(user)` says whether to offer it at all; the service judges again.
    `applies(row)` says whether it makes sense for one row. `page_url()` is where the palette leads for it; None keeps
    it out of the palette."""

    key: str
    table: str
    label: Text
    url_name: str
    icon: str
    permitted: Callable[[Any], bool]
    danger: bool = False
    applies: Callable[[Any], bool] | None = None
    page_url: Callable[[], str] | None = None
    hint: Text = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer of a search. `detail` tells it from others of the same name: its cluster, its namespace."""

    label: str
    detail: str
    url: str
    icon: str


@dataclass(frozen=True, slots=True)
class SearchSource:
    """`find(user, text, limit)` gives what the user may see, best first, in one query."""

    key: str
    label: Text
    find: Callable[[Any, str, int], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    at: datetime
    icon: str
    title: Text
    detail: Text = ""
    url: str = ""
    tone: Literal["neutral", "good", "warn", "bad"] = "neutral"


@dataclass(frozen=True, slots=True)
class TimelineSource:
    """`events(user, obj, limit)` gives the newest first; an object it does not know gives none."""

    key: str
    events: Callable[[Any, Any, int], Iterable[TimelineEvent]]


_paths: dict[str, list[str]] = {kind: [] for kind in get_args(Kind)}


def register(kind: Kind, path: str) -> None:
    """Adds what the dotted `path` names. Registering a path twice changes nothing."""
    if kind not in _paths:
        raise InvalidInput(f"no registry {kind!r}", field="kind", mend="one of " + ", ".join(_paths))
    if path not in _paths[kind]:
        _paths[kind].append(path)
        _loaded.cache_clear()


@cache
def _loaded(kind: Kind) -> tuple[Any, ...]:
    return tuple(load(path) for path in _paths[kind])


def entries(kind: Kind) -> list[Any]:
    """Every entry of a kind whose paths name sequences, in order of `order` where entries have one."""
    found = [entry for sequence in _loaded(kind) for entry in sequence]
    return sorted(found, key=lambda entry: getattr(entry, "order", 0))


def mapping(kind: Kind) -> dict[str, Any]:
    """Every entry of `sentences`, `titles` or `live`. A key of two apps is a mistake and is refused."""
    merged: dict[str, Any] = {}
    for part in _loaded(kind):
        for key, value in part.items():
            if merged.setdefault(key, value) is not value:
                raise InvalidInput(f"{kind} {key!r} is registered twice", field=key, mend="keep it in one app")
    return merged
