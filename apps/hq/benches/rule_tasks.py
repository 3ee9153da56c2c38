"""How fast a rule's finds become tasks: the whole look of the day beside the bare insert-select.

Everybody asked for has just become silent. The look finds them among all members, asks the reach
policy, keeps the dearest of each guide, makes reasons, tasks and targets. The floor writes the very
same targets, causes and all, into the same indexed table from rows made beforehand.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.core import clock
from apps.guide_tasks.models import TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import rules
from apps.hq.benches import Options, Result, Say, bench
from apps.hq.benches.hand_out import make_world

# no guide is kept from anybody, yet the numbers are asked for
_NO_CAP = 32_000
_SILENT_TODAY = """
UPDATE profiles_memberprofile SET stage = 'silent', stage_since = %s
WHERE member_id IN (SELECT member_id FROM profiles_memberprofile ORDER BY member_id LIMIT %s)
"""
_COLUMNS = (
    "push_id, task_id, guide_id, store_id, member_id, external_userid, state, contact_grade, why,"
    " value_fen, opens_at, due_at, excuse_reason, excuse_sentence, cause, created_at"
)


def _sql(statement: str, params: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def _seconds(work: Callable[[], object]) -> float:
    """A piece of work with its commit, begun on a quiet database."""
    _sql("CHECKPOINT")
    began = time.perf_counter()
    with transaction.atomic():
        work()
    return time.perf_counter() - began


def measure(*, targets: int, now: datetime, say: Say) -> list[Result]:
    """Targets per second through the silent rule, and through the bare statement.

    Wants a world of members who can be reached (`make_world`); leaves no target behind.
    """
    say("measuring the look of the day")
    rules.ensure_default_rules(now=now - timedelta(days=30))
    TaskRule.objects.exclude(key=TaskRule.Key.SILENT).update(is_active=False)
    TaskRule.objects.filter(key=TaskRule.Key.SILENT).update(daily_cap=_NO_CAP, looked_on=None)
    _sql(_SILENT_TODAY, [clock.business_day(now), targets])
    _sql("VACUUM ANALYZE profiles_memberprofile")
    seconds = _seconds(lambda: rules.run_daily_rules(now=now))
    made = TaskTarget.objects.filter(push__rule__key=TaskRule.Key.SILENT).count()
    TaskRule.objects.update(looked_on=None)
    say("measuring a look that finds nothing new, and the bare insert-select")
    again = _seconds(lambda: rules.run_daily_rules(now=now))
    floor = made / _bare()
    TaskPush.objects.filter(rule__isnull=False).delete()
    TaskRule.objects.update(is_active=True)
    rate = made / seconds
    return [
        Result("rule_tasks_rows_per_s", "targets/s", rate, floor, floor / rate),
        Result("rule_tasks_issued", "targets", made),
        Result("rule_tasks_again_s", "s", again),
    ]


def _bare() -> float:
    """Seconds of the one statement with the rows the look made; the table is empty before."""
    _sql(f"CREATE TEMP TABLE bench_rule_rows AS SELECT {_COLUMNS} FROM guide_tasks_tasktarget")
    _sql("TRUNCATE guide_tasks_tasktarget CASCADE")
    _sql("VACUUM ANALYZE bench_rule_rows, guide_tasks_tasktarget")
    insert = (
        f"INSERT INTO guide_tasks_tasktarget ({_COLUMNS})"
        f" SELECT {_COLUMNS} FROM bench_rule_rows ORDER BY task_id"
    )
    seconds = _seconds(lambda: _sql(insert))
    _sql("DROP TABLE bench_rule_rows")
    _sql("TRUNCATE guide_tasks_tasktarget, guide_tasks_guidetask CASCADE")
    return seconds


@bench("rule_tasks", {"--guides": 40_000, "--targets": 1_000_000})
def rule_tasks(options: Options, say: Say) -> list[Result]:
    """The same with a world of its own: a tenth more members than find themselves silent."""
    members = options["targets"] * 11 // 10
    say(f"making {options['guides']:,} guides and {members:,} members")
    make_world(guides=options["guides"], members=members)
    return measure(targets=options["targets"], now=timezone.now(), say=say)
