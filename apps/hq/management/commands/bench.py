"""`manage.py bench NAME … --json`: the one door for speed claims."""

import json
import resource
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.hq.benches import Bench, Result, discover
from apps.hq.scratch import scratch_services

# ru_maxrss is in KiB on Linux, in bytes on macOS
_PER_MB = 1024 * 1024 if sys.platform == "darwin" else 1024


def _peak_mb() -> float:
    """The largest resident size of this process or of one it started."""
    peaks = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return round(max(peaks) / _PER_MB, 1)


class Command(BaseCommand):
    help = "Measure; floors come from the same run, on a scratch database of its own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        benches = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
        for name, bench in sorted(discover().items()):
            own = benches.add_parser(name)
            own.add_argument("--json", action="store_true", help="one JSON object on the last line")
            for flag, default in bench.arguments.items():
                own.add_argument(flag, type=int, default=default)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SCRM_ENV == "test":  # no connection is kept, nothing is remembered
            raise CommandError("Figures under the test settings mean nothing: take the demo's.")
        bench = discover()[options["bench"]]
        size = {
            name: options[name]
            for name in (flag.lstrip("-").replace("-", "_") for flag in bench.arguments)
        }
        with scratch_services():
            results = bench.run(options, self._say)
        self._report(bench, size, results, as_json=options["json"])

    def _say(self, line: str) -> None:
        self.stderr.write(line)

    def _report(
        self, bench: Bench, size: dict[str, int], results: list[Result], *, as_json: bool
    ) -> None:
        for result in results:
            floor = f", floor {result.floor:,.1f}" if result.floor is not None else ""
            ratio = f", ratio {result.ratio:.2f}" if result.ratio is not None else ""
            self.stdout.write(f"{result.what}: {result.value:,.1f} {result.unit}{floor}{ratio}")
        if as_json:
            report = {
                "bench": bench.name,
                "size": size,
                "results": [asdict(result) for result in results],
                "peak_mb": _peak_mb(),
            }
            self.stdout.write(json.dumps(report))
