"""Ids, logs, chunks, kill points."""

import subprocess
import sys

from apps.core import faults
from apps.core.ids import row_ids, uuid7
from apps.core.logs import scrub, scrub_text
from apps.core.querysets import chunked_ids


def test_only_what_can_be_a_row_is_looked_for():
    assert row_ids(["7", "", "-1", "²", "١", "a", "9" * 19, "9" * 5000, "9" * 18]) == [
        7,
        10**18 - 1,
    ]


def test_version_7_ids_are_valid_and_in_order_of_time():
    first = uuid7()
    later = [uuid7() for _ in range(100)]

    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    assert all(value.int >> 80 >= first.int >> 80 for value in later)
    assert len(set(later)) == 100


def test_a_log_line_holds_no_number_and_no_query():
    line = {"event": "from +8613812345678 and 138 ", "request": "GET /admin/?q=%E6%9E%97"}

    assert scrub(None, "info", line) == {
        "event": "from 138****5678 and 138 ",
        "request": "GET /admin/",
    }
    assert scrub_text("order 20260318138123456789") == "order 20260318138123456789"


def test_ids_are_cut_into_chunks():
    assert list(chunked_ids(range(5), size=2)) == [[0, 1], [2, 3], [4]]


def test_a_kill_point_nobody_named_does_nothing(monkeypatch):
    monkeypatch.delenv("SCRM_KILL_AT", raising=False)

    assert faults.point("outreach.claimed") is None


def test_a_named_kill_point_kills_the_first_process_only(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRM_KILL_AT", "outreach.claimed")
    monkeypatch.setenv("SCRM_KILL_ONCE_FILE", str(tmp_path / "killed"))
    code = "from apps.core import faults; faults.point('other'); faults.point('outreach.claimed')"

    codes = [subprocess.run([sys.executable, "-c", code]).returncode for _ in range(2)]

    assert codes == [-9, 0]
