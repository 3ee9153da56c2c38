"""The demo as a newcomer starts it: the supervisor as its own process on ports of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from apps.core.embedded import process
from apps.hq.demo.phones import Phones
from apps.hq.loop.doors import Till
from tests.conftest import PROJECT, free_port, wait_for

MEMBERS = "3000"
READY_SECONDS = 240
# a child takes nothing of the test run's own services with it
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PG_BIN_DIR")


class Demo:
    """A running demo: its addresses, its logins, its processes."""

    def __init__(self, data: Path):
        self.data = data
        self.port, self.sim_port = free_port(), free_port()
        self.log = data.parent / "supervisor.log"
        self.env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "DATA_DIR": str(data),
            "PORT": str(self.port),
            "SIM_PORT": str(self.sim_port),
            "DEMO_MEMBERS": MEMBERS,
            "PYTHONWARNINGS": "ignore",
        }
        self.child = None

    def start(self):
        began = time.monotonic()
        with self.log.open("ab") as output:
            self.child = process.spawn(
                [sys.executable, "manage.py", "demo"], cwd=PROJECT, env=self.env, output=output
            )
        wait_for(self._is_ready, seconds=READY_SECONDS, message=f"Not ready: {self.said()}")
        return time.monotonic() - began

    def said(self):
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def complaints(self):
        """The last lines in which its processes tell of an error."""
        lines = [
            f"{log.name}: {line}"
            for log in sorted((self.data / "logs").glob("*.log"))
            for line in log.read_text(errors="replace").splitlines()
            if re.search(r"error|exception|FATAL", line)
        ]
        return "\n".join(lines[-40:])

    def _is_ready(self):
        assert self.child.poll() is None, f"The demo stopped: {self.said()}"
        return "READY" in self.said()

    def stop(self):
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(30)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def sim(self):
        return f"http://127.0.0.1:{self.sim_port}"

    @property
    def words(self):
        """What `demo.env` tells scripts."""
        lines = (self.data / "demo.env").read_text().splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in lines)
        return {name: value.strip("'\"") for name, _equals, value in pairs}

    @property
    def phones(self):
        return Phones(self.sim)

    @property
    def till(self):
        return Till(self.url, self.words["API_KEY"])

    def manage(self, *argv, seconds=600):
        """Run a management command against this demo, as a person would beside it."""
        return subprocess.run(
            [sys.executable, "manage.py", *argv],
            cwd=PROJECT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def processes(self, word):
        """Pids below our supervisor whose command line has this word."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            if word in line and f"DATA_DIR={self.data}".encode() in environ:
                found.append(int(entry.name))
        return found
