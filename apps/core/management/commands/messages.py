"""`manage.py messages`: extract, merge, compile; `--check` fails where Chinese is missing."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core import catalogue


class Command(BaseCommand):
    help = "Bring the zh-Hans catalogue up to date from the sources and locale/parts, compile it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail when Chinese is missing"
        )
        parser.add_argument("--compile", action="store_true", help="only compile what is there")

    def handle(self, *args: Any, **options: Any) -> None:
        project = settings.BASE_DIR
        if not options["compile"]:
            outcome = catalogue.build(project)
            for line in outcome.conflicts:
                self.stderr.write(f"two translations of {line}")
            for text in outcome.missing:
                self.stderr.write(f"no Chinese for {text!r}")
            if options["check"]:
                self._check(outcome)
                return
            catalogue.write(project, outcome)
            self.stdout.write(f"{len(outcome.catalogue)} messages, {len(outcome.missing)} missing")
        catalogue.compile_all(project)

    def _check(self, outcome: catalogue.Outcome) -> None:
        path = settings.BASE_DIR / "locale" / catalogue.LOCALE / "LC_MESSAGES" / "django.po"
        if outcome.missing:
            raise CommandError(f"{len(outcome.missing)} messages have no Chinese.")
        if not path.exists() or path.read_bytes() != catalogue.po_bytes(outcome.catalogue):
            raise CommandError("The catalogue is behind the sources: run `make messages`.")
        self.stdout.write(f"{len(outcome.catalogue)} messages, all with Chinese")
