"""Simplified Chinese is whole: nothing empty, nothing doubtful, and the gatherer finds what Django's own finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "portal/locale/zh_Hans/LC_MESSAGES/django.po"


def test_nothing_is_empty_and_nothing_is_fuzzy() -> None:
    po = polib.pofile(str(PO))
    assert [entry.msgid for entry in po if not entry.translated()] == []
    assert [entry.msgid for entry in po if entry.fuzzy] == []


def test_every_string_of_the_code_is_in_the_catalogue() -> None:
    done = subprocess.run([sys.executable, "-m", "portal.messages", "check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="xgettext is missing: apt-get install gettext")
def test_djangos_own_makemessages_finds_no_more(tmp_path: Path) -> None:
    for name in ("apps", "portal", "workers"):
        ignored = shutil.ignore_patterns("__pycache__", "*.mo", "*.po", "sandbox")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "locale").mkdir()
    env = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--no-location", "-v0"]
    subprocess.run(command, cwd=tmp_path, check=True, env=env, capture_output=True)
    found = {(entry.msgctxt, entry.msgid) for path in tmp_path.rglob("*.po") for entry in polib.pofile(str(path))}
    have = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(PO))}
    assert found - have == set()
    assert len(found) > 500
