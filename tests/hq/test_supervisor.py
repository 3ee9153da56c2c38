import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from apps.core.embedded import paths, process
from apps.hq import demo_state, supervisor


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    """A supervisor of children of the test's own."""
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.1)
    keeper = supervisor.Supervisor(
        data=tmp_path, addresses=supervisor.Addresses(1, 2), env=os.environ, out=lambda _line: None
    )
    yield keeper
    keeper.stop()


def _child(code="import time; time.sleep(60)", **options):
    return supervisor.Child(
        "child", lambda: process.spawn([sys.executable, "-c", code]), lambda: True, **options
    )


def _until(keeper, check, seconds=10):
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until
        keeper.revive()
        time.sleep(0.02)


def test_a_killed_child_comes_back(keeper):
    child = _child()
    keeper.start([child])
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    child.process.wait()

    _until(keeper, lambda: child.running)

    assert child.process.pid != first


def test_each_restart_in_a_row_waits_longer(keeper):
    child = _child("raise SystemExit(1)", pause=0.05)
    keeper.children.append(child)
    child.start()

    _until(keeper, lambda: child.pause > 0.3)

    assert child.pause == pytest.approx(0.4)


def test_the_end_takes_everybody_along(keeper):
    polite, deaf = (
        _child(),
        _child(
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
            stop_seconds=0.5,
        ),
    )
    keeper.start([polite, deaf])
    time.sleep(0.3)

    keeper.stop()

    assert not polite.running
    assert not deaf.running


def test_what_never_answers_is_named(keeper, monkeypatch):
    monkeypatch.setattr(supervisor, "_READY_SECONDS", 0.3)
    silent = supervisor.Child("silent", _child().spawn, lambda: False)

    with pytest.raises(supervisor.CannotStart, match="silent"):
        keeper.start([silent])


def test_one_supervisor_per_data_folder(tmp_path):
    descriptor = supervisor.lock(tmp_path)

    with pytest.raises(supervisor.CannotStart, match="already runs"):
        supervisor.lock(tmp_path)
    os.close(descriptor)


@pytest.mark.slow
def test_a_busy_port_is_one_clear_line(tmp_path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        env = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
        }
        result = subprocess.run(
            [sys.executable, "manage.py", "demo"],
            cwd=paths.PROJECT_DIR,
            env={**env, "PORT": str(port), "DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
        )

    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [
        f"CommandError: Port {port} is busy: stop what uses it, or choose another with PORT=…"
    ]


def test_a_load_that_was_cut_off_starts_over(tmp_path):
    (tmp_path / "simulator").mkdir()
    demo_state.forget_half_loaded(tmp_path)
    assert not (tmp_path / "simulator").exists()

    (tmp_path / "simulator").mkdir()
    (tmp_path / "loaded.json").write_text("{}")
    demo_state.forget_half_loaded(tmp_path)
    assert (tmp_path / "simulator").exists()


def test_a_new_migration_makes_the_next_start_wait(tmp_path, monkeypatch):
    project = tmp_path / "project"
    (project / "apps" / "room" / "migrations").mkdir(parents=True)
    (project / "requirements.lock").write_text("")
    monkeypatch.setattr(demo_state, "paths", SimpleNamespace(PROJECT_DIR=project))
    (tmp_path / "loaded.json").write_text("{}")
    stamp = demo_state._fingerprint(demo_state._MIGRATIONS)
    (tmp_path / "migrated.stamp").write_text(stamp)
    assert demo_state.is_current(tmp_path)

    (project / "apps" / "room" / "migrations" / "0001_initial.py").write_text("")

    assert not demo_state.is_current(tmp_path)
