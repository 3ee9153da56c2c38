"""Keeps the demo's processes running: start order, readiness, restarts, a clean end."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from celery import current_app

from apps.core.embedded import paths, postgres, process, valkey

_POLL_SECONDS = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
# a child that lived this long was healthy: its next restart does not wait
_HEALTHY_SECONDS = 30.0
_READY_SECONDS = 90.0
# A process may not take many more connections than it has threads: it would let some wait while its
# neighbour has nothing to do.
WEB_SERVER = [
    *("--workers", "2", "--worker-class", "gthread"),
    *("--threads", "6", "--worker-connections", "8"),
]


class CannotStart(RuntimeError):
    """One clear line for the person who typed the command."""


class Stopped(BaseException):
    """Somebody asked us to end; not an Exception, so nothing on the way swallows it."""


@dataclass
class Child:
    """One process we keep alive: how to start it, whether it answers, how to end it."""

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    ready: Callable[[], bool]
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 6.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    next_start: float = 0.0

    def start(self) -> None:
        self.process = self.spawn()
        self.started = time.monotonic()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def sweep(self) -> None:
        """End what a killed parent left in its session."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return


@dataclass
class Addresses:
    """Where things answer."""

    port: int
    sim_port: int

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.sim_port}"


def answers(url: str) -> bool:
    """Does an address of ours answer 200?"""
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def refuse_busy_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} is busy: stop what uses it, or choose another with {name}=…"
            ) from error


def lock(data: Path) -> int:
    """One supervisor per data folder."""
    data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotStart(f"A demo already runs on {data}.") from error
    return descriptor


@dataclass
class Supervisor:
    """Starts children in groups, watches them, ends them in the opposite order."""

    data: Path
    addresses: Addresses
    env: Mapping[str, str]
    out: Callable[[str], object]
    children: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs = self.data / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        sockets = paths.socket_dir(self.data)
        self.postgres = postgres.Postgres(
            data=self.data / "postgres", sockets=sockets, log=self.logs / "postgres.log"
        )
        self.valkey = valkey.Valkey(
            data=self.data / "valkey", sockets=sockets, log=self.logs / "valkey.log"
        )

    # --- what there is to run ---

    def services(self) -> list[Child]:
        """The database, the broker, the simulator: everything the loader needs."""
        simulator = ["-m", "apps.wecom_simulator", "--port", str(self.addresses.sim_port)]
        simulator += ["--state-dir", str(self.data / "simulator"), "--product", self.addresses.web]
        (self.data / "simulator").mkdir(mode=0o700, exist_ok=True)
        return [
            Child(
                "postgres",
                self._service(self.postgres),
                self.postgres.is_ready,
                stop_signal=signal.SIGINT,
            ),
            Child("valkey", self._service(self.valkey), self.valkey.is_ready),
            Child(
                "simulator",
                lambda: self.python("simulator", simulator),
                lambda: answers(f"{self.addresses.simulator}/sim/healthz"),
            ),
        ]

    def product(self) -> list[Child]:
        """Web, workers, beat."""
        web = ["-m", "gunicorn", "scrm.wsgi", "--bind", f"127.0.0.1:{self.addresses.port}"]
        web += WEB_SERVER
        web += [
            "--preload",
            "--graceful-timeout",
            "4",
            "--log-level",
            "warning",
            "--no-control-socket",
        ]
        beat = ["-m", "celery", "-A", "scrm", "beat", "--loglevel", "WARNING", "--pidfile="]
        return [
            Child(
                "web",
                lambda: self.python("web", web),
                lambda: answers(f"{self.addresses.web}/readyz"),
            ),
            self._worker("worker-urgent", "urgent", 1),
            self._worker("worker", "interactive,sync", 2),
            self._worker("worker-bulk", "bulk", 1),
            Child("beat", lambda: self.python("beat", beat), lambda: True),
        ]

    def _worker(self, name: str, queues: str, processes: int) -> Child:
        argv = ["-m", "celery", "-A", "scrm", "worker", "--loglevel", "WARNING"]
        argv += ["-Q", queues, "-c", str(processes), "-n", f"{name}@demo"]
        argv += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        return Child(
            name,
            lambda: self.python(name, argv),
            lambda: bool(
                current_app.control.inspect(destination=[f"{name}@demo"], timeout=1).ping()
            ),
            stop_seconds=8.0,
        )

    def _service(
        self, service: postgres.Postgres | valkey.Valkey
    ) -> Callable[[], subprocess.Popen[bytes]]:
        def start() -> subprocess.Popen[bytes]:
            service.prepare()
            return service.spawn()

        return start

    def python(self, name: str, argv: list[str]) -> subprocess.Popen[bytes]:
        """Start one of our own processes; SIGTERM reaches it when we die, however we die."""
        with (self.logs / f"{name}.log").open("ab") as output:
            return process.spawn(
                [sys.executable, *argv],
                cwd=paths.PROJECT_DIR,
                env=dict(self.env),
                death_signal=signal.SIGTERM,
                output=output,
            )

    # --- keeping it running ---

    def start(self, children: list[Child]) -> None:
        """Start a group and wait until each of it answers."""
        for child in children:
            self.children.append(child)
            child.start()
        until = time.monotonic() + _READY_SECONDS
        waiting = list(children)
        while waiting:
            self.revive()
            waiting = [child for child in waiting if not (child.running and child.ready())]
            if waiting and time.monotonic() > until:
                names = ", ".join(child.name for child in waiting)
                raise CannotStart(f"Not ready in time: {names}; see {self.logs}")
            time.sleep(0.05)

    def revive(self) -> None:
        """Start again whatever ended, each time after a longer pause."""
        moment = time.monotonic()
        for child in self.children:
            if child.running:
                continue
            if child.next_start <= child.started:
                if moment - child.started > _HEALTHY_SECONDS:
                    child.pause = _FIRST_PAUSE
                child.sweep()
                child.next_start = moment + child.pause
                child.pause = min(child.pause * 2, _LONGEST_PAUSE)
                code = child.process.returncode if child.process else None
                self.out(f"{child.name} ended ({code}), starting it again")
            elif moment >= child.next_start:
                child.start()

    def watch(self) -> None:
        """Until somebody says stop."""
        while True:
            self.revive()
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End the product first, then what it stands on; all of a group at once."""
        services = {"postgres", "valkey", "simulator"}
        self._end([child for child in self.children if child.name not in services])
        self._end([child for child in self.children if child.name in services])
        shutil.rmtree(paths.socket_dir(self.data), ignore_errors=True)

    def _end(self, children: list[Child]) -> None:
        for child in children:
            if child.running and child.process:
                child.process.send_signal(child.stop_signal)
        for child in children:
            if child.process:
                try:
                    child.process.wait(child.stop_seconds)
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    child.process.wait()
                child.sweep()


def stop_on_signals() -> None:
    """Ctrl-C and SIGTERM both end the wait in the main thread."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
