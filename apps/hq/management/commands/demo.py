"""`manage.py demo`: the whole product on this machine, kept running until Ctrl-C."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.embedded import paths, postgres, process, valkey
from apps.hq import demo_state, supervisor

FAILURES = (
    supervisor.CannotStart,
    postgres.PostgresFailed,
    valkey.ValkeyFailed,
    process.CannotDrop,
    paths.UnsafeFolder,
)


class Command(BaseCommand):
    help = "Run everything: database, broker, simulator, web, workers, beat. Ctrl-C ends it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prepare", action="store_true", help="only migrate and load (services must run)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo runs under the demo settings only.")
        if options["prepare"]:
            demo_state.prepare(out=self._say)
            return
        try:
            self._run()
        except FAILURES as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _run(self) -> None:
        addresses = supervisor.Addresses(settings.PORT, settings.SIM_PORT)
        data = settings.DATA_DIR
        descriptor = supervisor.lock(data)
        supervisor.refuse_busy_port("PORT", addresses.port)
        supervisor.refuse_busy_port("SIM_PORT", addresses.sim_port)
        env = {
            **os.environ,
            "WECOM_CALLBACK_URL": f"{addresses.web}/wecom/callback/contacts/",
            "PRODUCT_URL": addresses.web,
            "PYTHONUNBUFFERED": "1",
        }
        keeper = supervisor.Supervisor(data=data, addresses=addresses, env=env, out=self._say)
        supervisor.stop_on_signals()
        try:
            self._bring_up(keeper)
            self._say(f"READY {addresses.web}/ (phones: {addresses.simulator}/)")
            keeper.watch()
        except supervisor.Stopped:
            self._say("Stopping")
        finally:
            keeper.stop()
            os.close(descriptor)

    def _bring_up(self, keeper: supervisor.Supervisor) -> None:
        self._say("Starting PostgreSQL, Valkey and the WeCom simulator")
        demo_state.forget_half_loaded(keeper.data)
        keeper.start(keeper.services())
        if not demo_state.is_loaded(keeper.data):
            demo_state.empty_database(keeper.postgres)
        keeper.postgres.ensure_database("scrm")
        at_once = demo_state.is_current(keeper.data)
        child = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--prepare"],
            cwd=paths.PROJECT_DIR,
            # nobody listens yet: doorbells rung while loading would only pile up in the broker
            env={**keeper.env, "BROKER_URL": "memory://", "LOG_LEVEL": "WARNING"},
        )
        try:
            # a second start has nothing to wait for: both go on side by side
            if at_once:
                keeper.start(keeper.product())
            if child.wait() != 0:
                raise supervisor.CannotStart("The demo's data could not be prepared, see above.")
        finally:
            process.end(child)
        if not at_once:
            self._say("Starting web, workers and beat")
            keeper.start(keeper.product())
