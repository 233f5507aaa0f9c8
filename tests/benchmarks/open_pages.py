"""Browsers that have a list page open, and note when a row of it first showed a number.

`Chromium` is a tab of the real one. `Client` does what `frontend/src/live.ts` and `rows.ts` do, without drawing: the
same socket, buffer, and fetches of rows or of the whole list.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import httpx
import websockets
from playwright.async_api import BrowserContext, Page

BUFFER_SECONDS = 0.3
LIST_PAUSE_SECONDS = 2.0
ROW = re.compile(r'<tr[^>]*\bid="row-([0-9a-f-]{36})".*?</tr>', re.DOTALL)
REPLICAS = re.compile(r'class="of">/(\d+)<')
NAME = re.compile(r'class="[^"]*\brow-link\b[^"]*"[^>]*>\s*([^<]+?)\s*<')

WATCH_ROWS = """() => {
  window.shown = [];
  const last = {};
  const look = () => {
    for (const row of document.querySelectorAll("#list tr[id^=row-]")) {
      const text = row.querySelector(".of")?.textContent?.slice(1);
      if (text === undefined || last[row.id] === text) continue;
      last[row.id] = text;
      window.shown.push([row.id.slice(4), Number(text), Date.now() / 1000]);
    }
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
  look();
}"""

Sightings = list[tuple[str, int, float]]
"""(row id, replicas, Unix time) in the order in which they were shown."""


class Chromium:
    """One tab of a context that is signed in."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @classmethod
    async def open(cls, context: BrowserContext, url: str) -> Chromium:
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_selector("#live-state[data-state=on]", state="attached")
        await page.evaluate(WATCH_ROWS)
        return cls(page)

    async def sightings(self) -> Sightings:
        return [(row, number, at) for row, number, at in await self._page.evaluate("() => window.shown")]


class Client:
    """One open page of somebody who is signed in with `cookies`. `told` has when the socket named each row,
    `fetched` how many seconds each answer took, `names` the row of each name."""

    def __init__(self, base: str, path: str, *, cookies: dict[str, str]) -> None:
        self._base, self._path = base, path
        self._http = httpx.AsyncClient(base_url=base, cookies=cookies, timeout=60, trust_env=False)
        self._cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self.seen: Sightings = []
        self._last: dict[str, int] = {}
        self.names: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._listed_at = self._flushed_at = 0.0
        self._list_due: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.told: list[tuple[str, float]] = []
        self.fetched: list[float] = []

    async def start(self) -> None:
        """Reads the page and returns once the socket has taken the topic."""
        await self._list()
        ready = asyncio.Event()
        self._run(self._listen(ready))
        await ready.wait()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def _run(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _listen(self, ready: asyncio.Event) -> None:
        address = self._base.replace("http", "ws", 1) + "/ws/live/"
        headers = {"Cookie": self._cookie, "Origin": self._base}
        async with websockets.connect(address, additional_headers=headers, proxy=None) as socket:
            await socket.send(json.dumps({"topics": ["workloads", "approvals"]}))
            async for text in socket:
                message = json.loads(text)
                ready.set()
                if message.get("topic") == "workloads":
                    self._take(message["ids"])

    def _take(self, ids: list[str]) -> None:
        now = time.time()
        self.told += [(one, now) for one in ids]
        if not self._waiting:
            self._run(self._flush())
        self._waiting.update(ids)

    async def _flush(self) -> None:
        await asyncio.sleep(max(0.0, self._flushed_at + BUFFER_SECONDS - time.monotonic()))
        self._flushed_at = time.monotonic()
        ids, self._waiting = self._waiting, set()
        shown = ids & self._last.keys()
        everything = "*" in ids
        steps = [self._rows(shown)] if shown and not everything else []
        if everything or ids - shown:
            steps.append(self._reload_list())
        await asyncio.gather(*steps)

    async def _rows(self, ids: set[str]) -> None:
        joined = "&" if "?" in self._path else "?"
        await self._get(f"{self._path}{joined}rows={','.join(sorted(ids))}", target="rows")

    async def _reload_list(self) -> None:
        wait = self._listed_at + LIST_PAUSE_SECONDS - time.monotonic()
        if wait > 0:
            if self._list_due is None or self._list_due.done():
                self._list_due = self._run(self._later(wait))
            return
        await self._list()

    async def _later(self, wait: float) -> None:
        await asyncio.sleep(wait)
        await self._list()

    async def _list(self) -> None:
        self._listed_at = time.monotonic()
        await self._get(self._path, target="list")

    async def _get(self, path: str, *, target: str) -> None:
        asked = time.time()
        headers = {"HX-Request": "true", "HX-Target": target}
        try:
            answer = await self._http.get(path, headers=headers)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            # The server has just closed the connection that was kept: a browser asks again on a new one.
            answer = await self._http.get(path, headers=headers)
        answer.raise_for_status()
        now = time.time()
        self.fetched.append(now - asked)
        for row in ROW.finditer(answer.text):
            number, name = REPLICAS.search(row[0]), NAME.search(row[0])
            if name:
                self.names[name[1]] = row[1]
            if number and self._last.get(row[1]) != int(number[1]):
                self._last[row[1]] = int(number[1])
                self.seen.append((row[1], int(number[1]), now))


async def sign_in(base: str, password: str) -> dict[str, str]:
    """The cookies of the administrator's new session."""
    async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as http:
        await http.get("/login/")
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        answer = await http.post("/login/", data=form)
        if "sessionid" not in http.cookies:
            raise RuntimeError(f"signing in was answered with {answer.status_code}")
        return dict(http.cookies)
