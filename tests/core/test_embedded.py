import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from apps.core.embedded import paths, postgres, process, secrets, valkey


@pytest.fixture
def folder():
    """A short folder others may enter: root's services run as somebody else."""
    path = Path(tempfile.mkdtemp(prefix="scrm-e", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def _gone(pid, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


def test_a_socket_path_fits_whatever_the_data_folder_is_called():
    long = Path("/") / ("x" * 200) / "data"

    path = paths.socket_dir(long) / ".s.PGSQL.5432.lock"

    assert len(str(path)) < 107
    assert paths.socket_dir(long) != paths.socket_dir(long / "other")


def test_a_private_folder_is_for_its_owner_alone(folder):
    made = paths.make_private(folder / "run", uid=os.getuid(), gid=os.getgid())

    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_folder_that_is_really_a_link_is_refused(folder):
    (folder / "run").symlink_to("/tmp")

    with pytest.raises(paths.UnsafeFolder):
        paths.make_private(folder / "run", uid=os.getuid(), gid=os.getgid())


def test_demo_keys_are_made_once_and_only_the_owner_reads_them(folder, monkeypatch):
    for name in ("SECRET_KEY", "PII_KEYS", "WECOM_AES_KEY"):
        monkeypatch.delenv(name, raising=False)
    secrets.load(folder)
    first = (folder / secrets.FILE).read_text()
    monkeypatch.delenv("SECRET_KEY")
    secrets.load(folder)

    assert (folder / secrets.FILE).read_text() == first
    assert stat.S_IMODE((folder / secrets.FILE).stat().st_mode) == 0o600
    assert os.environ["SECRET_KEY"].startswith("demo-")
    assert len(os.environ["WECOM_AES_KEY"]) == 43
    assert os.environ["PII_KEYS"].startswith("201:")


@pytest.mark.slow
def test_postgres_survives_a_hard_stop_and_listens_on_its_socket_only(folder):
    server = postgres.Postgres(data=folder / "pg", sockets=folder / "s", log=folder / "log")
    try:
        server.start()
        server.ensure_database("scrm")
        server.ensure_database("scrm")
        with psycopg.connect(server.dsn("scrm"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        os.killpg(server.child.pid, signal.SIGKILL)
        server.child.wait()
        server.start()
        with psycopg.connect(server.dsn("scrm")) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    finally:
        server.stop()

    assert server.child.returncode == 0


@pytest.mark.slow
def test_valkey_keeps_what_it_was_given(folder):
    server = valkey.Valkey(data=folder / "vk", sockets=folder / "s", log=folder / "log")
    socket = str(folder / "s" / valkey.SOCKET)
    try:
        server.start()
        with redis.Redis(unix_socket_path=socket) as client:
            client.set("job", "1")
        server.stop()
        server.start()
        with redis.Redis(unix_socket_path=socket) as client:
            assert client.get("job") == b"1"
            assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    finally:
        server.stop()


def test_a_child_dies_with_its_parent_however_that_ends():
    code = (
        "import sys, time; from apps.core.embedded import process; "
        "child = process.spawn(['sleep', '60']); print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=paths.PROJECT_DIR
    )
    with parent:
        child = int(parent.stdout.readline())
        parent.kill()

    assert _gone(child)


def test_a_child_that_does_not_listen_is_made_to_stop():
    child = process.spawn(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.pthread_sigmask("
            "signal.SIG_BLOCK, {signal.SIGTERM}); time.sleep(60)",
        ]
    )
    time.sleep(0.3)

    process.end(child, seconds=0.3)

    assert child.returncode == -signal.SIGKILL
