"""`manage.py wecom_sync [--dry-run] [--json]`: compare with WeCom now, or only ask."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.errors import DomainError
from apps.wecom.models import Corp
from apps.wecom_sync import services
from apps.wecom_sync.models import SyncRun

_FIGURES = ("seen", "missing_here", "missing_there", "differing", "healed", "resumed")


def _report(run: SyncRun) -> dict[str, Any]:
    return {
        "corp": run.corp_id,
        "kind": run.kind,
        "state": run.state,
        "error": run.error,
        **{name: getattr(run, name) for name in _FIGURES},
        "examples": run.examples,
    }


class Command(BaseCommand):
    help = "Compare staff, friends, tags and more with WeCom; what stopped on its way goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", choices=list(services.KINDS), help="one kind alone")
        parser.add_argument("--dry-run", action="store_true", help="say what would change")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        runs = []
        kinds = [options["kind"]] if options["kind"] else list(services.KINDS)
        for corp in Corp.objects.filter(is_active=True):
            for kind in kinds:
                try:
                    run = services.sync_kind(
                        corp=corp, kind=kind, now=clock.now(), dry=options["dry_run"]
                    )
                except DomainError as error:
                    raise CommandError(str(error)) from error
                runs.append(_report(run))
                self._say(runs[-1])
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "runs": runs}))
        if any(run["state"] == SyncRun.State.FAILED for run in runs):
            raise CommandError("A comparison stopped on its way; run it again and it goes on.")

    def _say(self, run: dict[str, Any]) -> None:
        figures = ", ".join(f"{name} {run[name]:,}" for name in _FIGURES)
        self.stderr.write(f"{run['corp']} {run['kind']}: {run['state']} {run['error']} {figures}")
