"""Commands that work on this machine itself, by its database: they load Django, and need no running server."""

from __future__ import annotations

import os

from apps.kernel.errors import NotFound
from portal.environment import home


def has_state() -> bool:
    """Whether a Plimsoll keeps its state on this machine, or its database is named."""
    if os.environ.get("PLIMSOLL_DATABASE_URL") or os.environ.get("PLIMSOLL_DATABASE_URL_FILE"):
        return True
    return (home() / "plimsoll.sqlite3").is_file()


def setup(*, needs_state: bool = True) -> None:
    """Django, on the state of PLIMSOLL_HOME. The broker is left out: it may not run, and nothing here waits for it."""
    if needs_state and not has_state():
        raise NotFound(
            f"no Plimsoll has been started with {home()}",
            field="PLIMSOLL_HOME",
            mend="start it with `plimsoll up`, or name the folder of the one that runs",
        )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PLIMSOLL_LOG_LEVEL", "WARNING")
    os.environ["PLIMSOLL_IN_MEMORY"] = "1"
    import django

    django.setup()
