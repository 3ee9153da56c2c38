"""What runs on one version of PostgreSQL alone is named, and nothing else does."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import versions

ROOT = Path(__file__).parents[2]
# pages, the protocol with its simulator, and what looks at the code or at everything at once
ON_THE_NEWEST_ALONE = {
    *("guide_portal", "hq", "member_portal", "stores", "wecom", "wecom_simulator"),
    *("architecture", "browser", "crash", "privacy", "data", "factories"),
}
OWN_SQL = re.compile(r"\.cursor\(|\.raw\(|RawSQL|\bsql\.SQL\(")


def test_each_name_stands_for_tests_that_exist():
    assert [name for name in versions.ONCE if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("room", versions.ROOMS_ONCE)
def test_a_room_that_runs_once_has_no_sql_of_its_own(room):
    sources = (ROOT / "apps" / room).rglob("*.py")

    assert [str(one) for one in sources if OWN_SQL.search(one.read_text(encoding="utf-8"))] == []


def test_every_rooms_tests_run_on_the_oldest_version_too():
    here = {one.name for one in (ROOT / "tests").iterdir() if any(one.glob("test_*.py"))}
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    step = run[run.index("service tests on PostgreSQL 15") : run.index("unset PG_BIN_DIR")]

    assert here - set(re.findall(r"tests/(\w+)", step)) <= ON_THE_NEWEST_ALONE


def item(nodeid, *fixtures):
    return SimpleNamespace(nodeid=nodeid, fixturenames=fixtures, iter_markers=lambda _name: ())


def test_left_out_is_what_passed_and_is_named_and_commits_nothing(monkeypatch):
    names = ("tests/ingest/test_a.py::test_b", "tests/new_room/test_a.py::test_b")
    monkeypatch.setattr(versions, "_passed", lambda: frozenset(names))

    assert versions.is_over(item(names[0], "db"))
    assert not versions.is_over(item(names[0], "transactional_db"))
    assert not versions.is_over(item(names[1], "db"))
    assert not versions.is_over(item("tests/ingest/test_a.py::test_failed", "db"))
