"""Run as `python -m portal.supervisor.prepare`: brings the database up to date and makes the first administrator.

In a process of its own, so that the supervisor needs no Django. Prints one JSON object: `password_file` names the file
with the first administrator's password when it has just been made, else it is null.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path


def migrate() -> None:
    """Applies what is missing. Looking costs 0.1 s; `migrate` itself, with its signals, more than a second."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def first_administrator(home: Path) -> Path | None:
    if find_spec("apps.identity.services") is None:
        return None
    from apps.identity.services import create_first_admin

    return create_first_admin(home=home)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from django.conf import settings

    migrate()
    try:
        made = first_administrator(settings.PLIMSOLL_HOME)
    except NotImplementedError:
        made = None
    sys.stdout.write(json.dumps({"password_file": str(made) if made else None}) + "\n")


if __name__ == "__main__":
    main()
