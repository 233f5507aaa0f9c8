"""What a person at the terminal sees: the supervisor's own lines, and the children's warnings and errors.

The children write JSON lines into files, never to the terminal, so that a terminal (or a pipe that nobody reads) can
not block them; a thread of the supervisor follows the files.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import threading
import time
from pathlib import Path

LOUD = ("warning", "error", "critical")
ROTATE_BYTES = 50 * 1024 * 1024
REPEAT_SECONDS = 60
LONGEST_LINE = 500
_PLAIN = ("event", "level", "timestamp", "logger", "exception")


def say(line: str) -> None:
    """One line for the person, at once. A closed terminal is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def warn(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def human(name: str, line: str) -> str | None:
    """The line as a person reads it, or None when it is not loud. What is no JSON (a banner, a traceback) stays in the
    file: when a process ends, the supervisor says why."""
    try:
        entry = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return None
    if entry.get("level") not in LOUD or entry.get("logger") == "py.warnings":
        return None
    pairs = " ".join(f"{key}={value}" for key, value in entry.items() if key not in _PLAIN)
    last = str(entry.get("exception", "")).strip().rpartition("\n")[2]
    text = " ".join((f"{name}: {entry['level']}: {entry.get('event', '')}", pairs, last))
    return " ".join(text.split())[:LONGEST_LINE]


class Follower(threading.Thread):
    """Follows every `*.log` of one folder from its present end, and cuts a file that grows over ROTATE_BYTES.

    The children hold their files open for appending, so a copied and then truncated file goes on from its start. Lines
    written between copy and cut are lost; OK, these are logs and no records.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(name="console", daemon=True)
        self._folder = folder
        self._offsets = {path: path.stat().st_size for path in folder.glob("*.log")}
        self._ended = threading.Event()
        self._said: dict[str, float] = {}

    def run(self) -> None:
        while not self._ended.wait(0.5):
            self.follow()

    def follow(self) -> None:
        for path in sorted(self._folder.glob("*.log")):
            with contextlib.suppress(OSError):
                self._follow_file(path)

    def _follow_file(self, path: Path) -> None:
        offset = self._offsets.get(path, 0)
        size = path.stat().st_size
        if size > offset:
            with path.open("rb") as file:
                file.seek(offset)
                whole, _, _ = file.read(1 << 20).rpartition(b"\n")
            self._offsets[path] = offset + len(whole) + 1 if whole else offset
            for line in whole.decode(errors="replace").splitlines():
                text = human(path.stem, line)
                if text is not None and self._is_news(text):
                    warn(text)
        elif size < offset:
            self._offsets[path] = 0
        if size > ROTATE_BYTES:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            with path.open("r+b") as file:
                file.truncate(0)
            self._offsets[path] = 0

    def _is_news(self, text: str) -> bool:
        """False for a line that was shown within the last minute: a loop that fails would fill the terminal."""
        now = time.monotonic()
        if len(self._said) > 1000:
            self._said.clear()
        last = self._said.get(text)
        self._said[text] = now
        return last is None or now - last > REPEAT_SECONDS

    def close(self) -> None:
        """Passes on what is still there, then ends."""
        self._ended.set()
        self.join(timeout=2)
        self.follow()
