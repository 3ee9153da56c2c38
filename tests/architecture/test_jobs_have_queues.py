import ast
from importlib import import_module
from pathlib import Path

import pytest
from celery import current_app

from apps.core.jobs import QUEUES, Queue, queue_of
from apps.hq.beat_schedule import ENTRIES

PROJECT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path.relative_to(PROJECT).with_suffix("").as_posix().replace("/", ".")
    for path in (PROJECT / "apps").glob("*/jobs.py")
)


@pytest.fixture(scope="module", autouse=True)
def _every_job_is_known():
    for module in MODULES:
        import_module(module)


def test_every_job_of_ours_names_a_queue_and_its_room():
    ours = [name for name, job in current_app.tasks.items() if job.__module__.startswith("apps.")]

    assert ours
    for name in ours:
        room = current_app.tasks[name].__module__.split(".")[1]
        assert name.startswith(f"{room}."), name
        assert queue_of(name) in Queue, name


def test_no_job_goes_around_the_decorator():
    """A bare shared_task has no queue and leaves no run behind."""
    allowed = PROJECT / "apps" / "core" / "jobs.py"
    for path in (PROJECT / "apps").rglob("*.py"):
        if path == allowed:
            continue
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == "celery"
            for alias in node.names
        }
        assert "shared_task" not in names, path


def test_services_import_no_job():
    for path in (PROJECT / "apps").rglob("*.py"):
        relative = path.relative_to(PROJECT / "apps")
        if relative.parts[0] == "core" or "services" not in relative.as_posix():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            assert not module.endswith(".jobs"), path


def test_a_woken_job_exists():
    """`wake` rings by name; a name nobody answers to would only ever be heard by the sweeper."""
    for path in (PROJECT / "apps").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "wake"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                assert node.args[0].value in QUEUES, f"{path}: {node.args[0].value}"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.job)
def test_what_beat_rings_exists_and_says_what_it_is_for(entry):
    assert entry.job in QUEUES
    assert str(entry.title)
    assert str(entry.purpose)


def test_the_ground_work_is_on_the_schedule():
    assert "core.make_partitions" in {entry.job for entry in ENTRIES}
