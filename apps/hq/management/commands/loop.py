"""`manage.py loop`: play one whole turn of the loop against the running demo and check every
stage."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.hq.demo.phones import Phones, SimulatorError
from apps.hq.loop.doors import DoorClosed, Till
from apps.hq.loop.play import Stage, Turn


class Command(BaseCommand):
    help = (
        "Play one turn of the loop through the running demo's own doors; exit 1 if a stage is off."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "The loop plays with made-up people: it runs under the demo settings only."
            )
        turn, trouble = self._turn(), ""
        try:
            turn.play()
        except (DoorClosed, SimulatorError, LookupError) as error:
            trouble = str(error)
        ok = not trouble and all(stage.ok for stage in turn.stages)
        if trouble:
            self.stderr.write(f"stopped after {len(turn.stages)} stages: {trouble}")
        if options["json"]:
            rows = [
                {"name": stage.name, "expected": stage.expected, "actual": stage.actual}
                for stage in turn.stages
            ]
            self.stdout.write(json.dumps({"stages": rows, "ok": ok}, ensure_ascii=False))
        else:
            self.stdout.write("The loop turns." if ok else "The loop is broken, see above.")
        if not ok:
            sys.exit(1)

    def _turn(self) -> Turn:
        env = self._demo_env()
        return Turn(
            base_url=settings.PUBLIC_BASE_URL,
            phones=Phones(settings.SIMULATOR_URL),
            till=Till(settings.PUBLIC_BASE_URL, env["API_KEY"]),
            login=(env["HQ_USER"], env["HQ_PASSWORD"]),
            tell=self._tell,
        )

    def _demo_env(self) -> dict[str, str]:
        path = settings.DATA_DIR / "demo.env"
        if not path.exists():
            raise CommandError(f"No demo runs on {settings.DATA_DIR}: start it with `make demo`.")
        values: dict[str, str] = {}
        for line in path.read_text().splitlines():
            name, _equals, value = line.partition("=")
            values[name.strip()] = value.strip().strip("'\"")
        return values

    def _tell(self, stage: Stage) -> None:
        mark = "ok " if stage.ok else "OFF"
        words = f"{mark} {stage.name:<17} {_short(stage.actual)}"
        if not stage.ok:
            words += f"\n    expected          {_short(stage.expected)}"
        self.stdout.write(words)
        self.stdout.flush()


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
