"""The translations: `python -m portal.messages gather|check|compile`. Needs no gettext programs.

    gather    reads every marked string of the apps and templates into locale/LANG/LC_MESSAGES/django.po; what has a
              translation keeps it, what is marked no more is dropped
    check     fails when a string has no translation, a doubtful (fuzzy) one, or one with other placeholders
    compile   writes the .mo files that Django reads, where the .po is newer

Python files are parsed; templates go through Django's own `templatize`, as makemessages does.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "portal" / "locale"
SOURCES = ("apps", "portal", "workers")
LANGUAGES = {"zh_Hans": "nplurals=1; plural=0;"}

# function -> positions of context, singular, plural; None: it has none
_CALLS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
_PLACEHOLDER = re.compile(r"%\((\w+)\)[#0 +-]*[\d.]*[a-zA-Z]|%(?!%)[a-zA-Z]|\{(\w+)\}")
_IN_TEMPLATE = re.compile(
    r"\b(_|n?p?gettext)\(((?:\s*(?:u?'(?:\\.|[^'\\])*'|u?\"(?:\\.|[^\"\\])*\")\s*,?)+)", re.DOTALL
)

Key = tuple[str | None, str, str | None]  # context, singular, plural


@dataclass(slots=True)
class Catalogue:
    """Every marked string, and where it stands."""

    places: dict[Key, list[str]] = field(default_factory=dict)

    def add(self, key: Key, place: str) -> None:
        self.places.setdefault(key, []).append(place)


def _key(name: str, texts: list[str | None]) -> Key | None:
    """The message of a call by the literal texts of its arguments; None when one that counts is no literal."""
    context_at, singular_at, plural_at = _CALLS[name]
    needed = [at for at in (context_at, singular_at, plural_at) if at is not None]
    if max(needed) >= len(texts) or any(texts[at] is None for at in needed):
        return None
    singular = texts[singular_at]
    if not singular:
        return None
    context = texts[context_at] if context_at is not None else None
    return context, singular, texts[plural_at] if plural_at is not None else None


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def python_messages(source: str) -> Iterator[tuple[Key, int]]:
    """The messages of a Python file, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _CALLS:
            key = _key(name, [_literal(argument) for argument in node.args])
            if key is not None:
                yield key, node.lineno


def template_messages(source: str) -> Iterator[tuple[Key, int]]:
    """The messages of a template, with their lines."""
    from django.utils.translation.template import templatize

    text = templatize(source)
    for match in _IN_TEMPLATE.finditer(text):
        name = match[1]
        found = ast.literal_eval(f"({match[2].rstrip().rstrip(',')},)")
        key = _key(name, list(found))
        if key is not None:
            # templatize doubles the percent signs of literal text, as the compiled template will look it up.
            yield key, text.count("\n", 0, match.start()) + 1


def collect() -> Catalogue:
    catalogue = Catalogue()
    for top in SOURCES:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix not in (".py", ".html", ".txt") or not path.is_file():
                continue
            if path.suffix == ".txt" and "templates" not in path.parts:
                continue
            read = python_messages if path.suffix == ".py" else template_messages
            for key, _line in read(path.read_text()):
                catalogue.add(key, str(path.relative_to(ROOT)))
    return catalogue


def _po_file(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def _entry_key(entry: polib.POEntry) -> Key:
    return entry.msgctxt or None, entry.msgid, entry.msgid_plural or None


def gather(language: str, catalogue: Catalogue) -> None:
    """Writes the .po: in the order of the strings, with the files they stand in, and no date, so that a gathering
    without change changes nothing."""
    file = _po_file(language)
    old = {_entry_key(entry): entry for entry in polib.pofile(str(file))} if file.exists() else {}
    po = polib.POFile(wrapwidth=110)
    po.metadata = {
        "Project-Id-Version": "plimsoll",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": LANGUAGES[language],
    }
    for key in sorted(catalogue.places, key=lambda key: (key[1], key[0] or "")):
        po.append(_fresh(key, catalogue.places[key], old.get(key)))
    file.parent.mkdir(parents=True, exist_ok=True)
    po.save(str(file))


def _fresh(key: Key, places: list[str], old: polib.POEntry | None) -> polib.POEntry:
    context, singular, plural = key
    entry = polib.POEntry(msgctxt=context, msgid=singular, occurrences=[(place, "") for place in sorted(set(places))])
    if _PLACEHOLDER.search(singular):
        entry.flags = ["python-format"]
    if plural is not None:
        entry.msgid_plural = plural
        entry.msgstr_plural = old.msgstr_plural if old else {0: ""}
    else:
        entry.msgstr = old.msgstr if old else ""
    if old is not None:
        entry.tcomment = old.tcomment
        entry.flags += [flag for flag in old.flags if flag == "fuzzy"]
    return entry


def faults(language: str, catalogue: Catalogue) -> list[str]:
    """What is wrong with a language's file; empty when it is complete."""
    file = _po_file(language)
    if not file.exists():
        return [f"{language}: there is no {file.relative_to(ROOT)}; run make messages"]
    entries = {_entry_key(entry): entry for entry in polib.pofile(str(file))}
    found = [f"not gathered: {key[1]!r}" for key in catalogue.places.keys() - entries.keys()]
    found += [f"marked no more: {key[1]!r}" for key in entries.keys() - catalogue.places.keys()]
    for entry in entries.values():
        found += _faults_of(entry)
    return [f"{language}: {each}" for each in found]


def _faults_of(entry: polib.POEntry) -> list[str]:
    texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if not all(texts):
        return [f"not translated: {entry.msgid!r}"]
    if "fuzzy" in entry.flags:
        return [f"doubtful: {entry.msgid!r}"]
    want = _placeholders(entry.msgid) | _placeholders(entry.msgid_plural or "")
    return [
        f"other placeholders: {entry.msgid!r}" for text in texts if _placeholders(text) - want or _lost(entry, text)
    ]


def _placeholders(text: str) -> set[str]:
    return {match[0] for match in _PLACEHOLDER.finditer(text)}


def _lost(entry: polib.POEntry, text: str) -> set[str]:
    """Placeholders the translation leaves out; a plural may leave out the ones its singular has not."""
    return _placeholders(entry.msgid_plural or entry.msgid) - _placeholders(text)


def compile_all() -> None:
    for file in LOCALE.rglob("*.po"):
        target = file.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < file.stat().st_mtime:
            fresh = target.with_suffix(".new")
            polib.pofile(str(file)).save_as_mofile(str(fresh))
            fresh.replace(target)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m portal.messages")
    parser.add_argument("what", choices=["gather", "check", "compile"])
    what = parser.parse_args().what
    if what == "compile":
        compile_all()
        return 0
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    catalogue = collect()
    if what == "gather":
        for language in LANGUAGES:
            gather(language, catalogue)
        compile_all()
        return 0
    found = [fault for language in LANGUAGES for fault in faults(language, catalogue)]
    for fault in found:
        sys.stderr.write(f"{fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
