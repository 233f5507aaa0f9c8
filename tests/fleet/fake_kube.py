"""A Kube that answers from a script, for what no real server does on demand: it hangs up, forgets, refuses."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from apps.kernel.errors import Unavailable
from apps.kernel.kinds import Kind
from apps.kernel.ports import Listing, WatchEvent

Answer = Listing | Exception | list[WatchEvent | Exception]


class ScriptedKube:
    """Each `pages` and `watch` takes the next answer of `script`; when none is left, `stop` is set. `calls` keeps what
    was asked: ("list", kind) or ("watch", version)."""

    def __init__(self, *script: Answer, stop: threading.Event) -> None:
        self._script = deque(script)
        self._stop = stop
        self.calls: list[tuple[str, str]] = []

    def pages(self, kind: Kind, *, page: int = 500) -> Iterator[Listing]:
        self.calls.append(("list", f"{kind.plural}/{kind.version}"))
        answer = self._next()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Listing):
            yield answer
        else:
            raise Unavailable("the script is over")

    def watch(
        self,
        kind: Kind,
        *,
        resource_version: str,
        stop: threading.Event,
        opened: Callable[[], None] | None = None,
    ) -> Iterator[WatchEvent]:
        self.calls.append(("watch", resource_version))
        answer = self._next()
        if isinstance(answer, Exception):
            raise answer
        if opened is not None:
            opened()
        for event in answer if isinstance(answer, list) else []:
            if isinstance(event, Exception):
                raise event
            yield event

    def _next(self) -> Answer:
        if not self._script:
            self._stop.set()
            return []
        return self._script.popleft()

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a reflector only lists and watches, and asked for {name}")
