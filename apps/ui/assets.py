"""Names of the built islands, read from Vite's manifest once a build."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.templatetags.static import static

MANIFEST = "frontend/dist/manifest.json"


@lru_cache(maxsize=4)
def _manifest(path: Path, changed: float) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def manifest() -> dict[str, Any]:
    """Vite's manifest; empty before the first build: pages then still read, without style or script."""
    path = Path(settings.BASE_DIR) / MANIFEST
    try:
        return _manifest(path, path.stat().st_mtime)
    except OSError:
        return {}


def script(entry: str) -> str:
    """The URL of an entry's script ("main", "theme", "editor"), "" when it is not built."""
    found = manifest().get(f"src/{entry}.ts")
    return static(f"build/{found['file']}") if found else ""


def styles(entry: str) -> list[str]:
    found = manifest().get(f"src/{entry}.ts", {})
    return [static(f"build/{name}") for name in found.get("css", [])]
