"""Writes the CustomResourceDefinitions to deploy/crds/, from apps/policies/crd.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand

from apps.policies.crd import definitions

HEADER = "# Written by `python manage.py write_crds` from apps/policies/crd.py; change it there.\n"


def as_yaml(manifest: dict[str, Any]) -> str:
    """The file's text. No anchors: people read it, and other tools may not know them."""
    dumper = type("PlainDumper", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
    return HEADER + yaml.dump(manifest, Dumper=dumper, sort_keys=False, width=118)


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.BASE_DIR) / "deploy" / "crds"
        folder.mkdir(parents=True, exist_ok=True)
        for manifest in definitions():
            path = folder / f"{manifest['spec']['names']['plural']}.yaml"
            path.write_text(as_yaml(manifest))
            self.stdout.write(str(path))
