"""The guides' work at the size of a large chain, each figure beside a floor of the same run.

Hand-out and rules make `--targets` targets; then ten times as many stand open, and a guide's list,
the proof of a contact and a push's progress are measured among them.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from multiprocessing import get_context
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.utils import timezone

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import selectors
from apps.guide_tasks.models import Grade, TaskPush, TaskTarget
from apps.guide_tasks.services import evidence
from apps.hq.benches import Options, Result, Say, bench, hand_out, rule_tasks
from apps.hq.benches._bulk import rows, sql
from apps.hq.benches._serving import BenchFailed, percentile
from apps.hq.benches._world import Work, make_people, make_work
from apps.reports.selectors import push_breakdown

OPEN_TIMES = 10
CLIENTS = 8
CONTACTS_EACH = 500
LOOKS = 400
PROGRESS_LOOKS = 5


@bench("tasks", {"--guides": 40_000, "--targets": 1_000_000})
def tasks(options: Options, say: Say) -> list[Result]:
    """Rows made per second, a guide's list, contacts per second, a push's progress."""
    guides, targets, now = options["guides"], options["targets"], timezone.now()
    make_people(guides=guides, members=targets * 11 // 10, say=say)
    handed = hand_out.measure(wanted=targets, now=now, say=say, with_control=False)
    results = [_renamed(one, f"hand_out_{one.what}") for one in handed]
    results += rule_tasks.measure(targets=targets, now=now, say=say)
    work = make_work(guides=guides, targets=targets * OPEN_TIMES, now=now, say=say)
    results.append(Result("open_targets", "targets", work.targets))
    results += _today(now, say)
    results += _progress(work, say)
    return results + _contacts(work, now, say)


def _renamed(result: Result, what: str) -> Result:
    return Result(what, result.unit, result.value, result.floor, result.ratio)


# --- a guide's list -------------------------------------------------------------------------------

# what the page shows of each customer, written by hand
_LIST = """
SELECT t.id, t.state, t.contact_grade, t.why, t.value_fen, t.due_at, t.opens_at, t.external_userid,
       member.id, member.public_id, member.name, member.gender, member.level,
       task.id, task.chased_at, push.id, push.title, push.kind, push.minutes_per_target,
       push.generic_body, push.rule_id, profile.last_order_on, profile.order_days
FROM guide_tasks_tasktarget AS t
JOIN members_member AS member ON member.id = t.member_id
JOIN guide_tasks_guidetask AS task ON task.id = t.task_id
JOIN guide_tasks_taskpush AS push ON push.id = task.push_id
LEFT JOIN profiles_memberprofile AS profile ON profile.member_id = t.member_id
WHERE t.guide_id = %s AND t.state IN ('open', 'in_progress', 'to_verify') AND t.opens_at <= %s
"""
# the same rows from the covering index alone
_INDEX = """
SELECT id, task_id, member_id, due_at FROM guide_tasks_tasktarget
WHERE guide_id = %s AND state IN ('open', 'in_progress', 'to_verify') AND opens_at <= %s
"""


def _today(now: datetime, say: Say) -> list[Result]:
    say("measuring a guide's list")
    ids = [row[0] for row in rows("SELECT id FROM stores_guide")]
    chosen = random.Random(7).choices(ids, k=LOOKS)

    def asked(guide_id: int) -> tuple[str, Sequence[Any]]:
        return selectors.open_work(guide_id, now).query.sql_with_params()

    queries = [asked(guide_id) for guide_id in chosen]
    by_hand = [(_LIST, [guide_id, now]) for guide_id in chosen]
    index = [(_INDEX, [guide_id, now]) for guide_id in chosen]
    # the first round brings the rows into memory, for all three alike
    for some in (by_hand, queries, index):
        _looks(some)
    ours, floor, bare = _looks(queries), _looks(by_hand), _looks(index)
    listed = sum(len(rows(_INDEX, [guide_id, now])) for guide_id in chosen[:20]) / 20
    return [
        Result("today_rows", "targets", listed),
        Result("today_query_p95_ms", "ms", ours, floor, ours / floor),
        Result("today_index_p95_ms", "ms", bare),
    ]


def _looks(queries: Sequence[tuple[str, Sequence[Any]]]) -> float:
    """p95 of these, asked and fetched one after the other."""
    took = []
    for query, params in queries:
        began = time.perf_counter()
        rows(query, list(params))
        took.append(time.perf_counter() - began)
    return percentile(took, 0.95)


# --- a push's progress ----------------------------------------------------------------------------

_COUNTED = """
SELECT store.region_id, t.state, count(*)
FROM guide_tasks_tasktarget AS t JOIN stores_store AS store ON store.id = t.store_id
WHERE t.push_id = %s GROUP BY 1, 2
"""


def _progress(work: Work, say: Say) -> list[Result]:
    """By region, counted from the targets each time: no counter is written, none can be hot."""
    say("measuring a push's progress")
    push = TaskPush.objects.get(pk=work.push_ids[0])
    ours = _median(lambda: push_breakdown(push=push, by="region", actor=SYSTEM))
    floor = _median(lambda: rows(_COUNTED, [push.pk]))
    issued = TaskTarget.objects.filter(push=push).count()
    return [
        Result("progress_targets", "targets", issued),
        Result("progress_ms", "ms", ours, floor, ours / floor),
    ]


def _median(look: Callable[[], object]) -> float:
    took = []
    for _ in range(PROGRESS_LOOKS):
        began = time.perf_counter()
        look()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


# --- proofs of contact ----------------------------------------------------------------------------

# the rows a proof leaves, in one statement: target, evidence, history, story, contact
_PROOF = """
WITH t AS (
    UPDATE guide_tasks_tasktarget SET state = 'done', contact_grade = 3, contacted_at = %(at)s,
        started_at = %(at)s, done_at = %(at)s
    WHERE id = %(id)s AND state = 'open' RETURNING *
), proof AS (
    INSERT INTO guide_tasks_evidence (target_id, grade, outcome, source, actor, occurred_at)
    SELECT id, 3, '', 'dispatch_recipient:' || id, 'system', %(at)s FROM t
), history AS (
    INSERT INTO guide_tasks_targetmove (target_id, from_state, to_state, at, actor, reason)
    SELECT id, 'open', 'done', %(at)s, 'system', '' FROM t
), talked AS (
    INSERT INTO members_interaction (kind, occurred_at, source, reason, guide_id, member_id)
    SELECT 'message', %(at)s, 'task_target:' || id || ':delivered', '', guide_id, member_id FROM t
), told AS (
    SELECT nextval('timeline_event_id_seq') AS event_id, t.*, kind,
        sha256(convert_to('task_target:' || t.id || ':' || kind, 'UTF8')) AS key_hash
    FROM t, unnest(ARRAY['contact.graded', 'task.done']) AS kind
), known AS (
    INSERT INTO timeline_eventkey (key_hash, event_id, occurred_at)
    SELECT key_hash, event_id, %(at)s FROM told
)
INSERT INTO timeline_memberevent (id, occurred_at, member_id, kind, source, actor, payload)
SELECT event_id, %(at)s, member_id, kind, 'task_target:' || id, 'system',
    jsonb_build_object('push_id', push_id, 'guide_id', guide_id) FROM told
"""


def _contacts(work: Work, now: datetime, say: Say) -> list[Result]:
    """Proofs for one push from eight processes at once: whatever row they shared would be hot."""
    say("measuring contacts")
    found = rows(
        "SELECT id FROM guide_tasks_tasktarget WHERE push_id = %s AND state = 'open'"
        " ORDER BY hashint8(id) LIMIT %s",
        [work.push_ids[0], 2 * CLIENTS * CONTACTS_EACH],
    )
    ids = [row[0] for row in found]
    half = len(ids) // 2
    floor = _together(_bare_contact, ids[:half], now)
    ours = _together(_contact, ids[half:], now)
    done = TaskTarget.objects.filter(pk__in=ids, state="done", contact_grade=3).count()
    if done != len(ids):
        raise BenchFailed(f"{len(ids)} contacts, {done} done")
    return [Result("contact_tx_per_s", "contacts/s", ours, floor, floor / ours)]


def _contact(target_id: int, now: datetime) -> None:
    evidence.record_contact(
        target_id=target_id,
        grade=Grade.DELIVERED,
        source=f"{evidence.RECIPIENT}{target_id}",
        occurred_at=now,
    )


def _bare_contact(target_id: int, now: datetime) -> None:
    sql(_PROOF, {"id": target_id, "at": now})


def _together(work: Callable[[int, datetime], None], ids: list[int], now: datetime) -> float:
    """Contacts per second of eight processes, each with a connection and its own targets."""
    connection.close()
    caches.close_all()
    context = get_context("fork")
    start = context.Barrier(CLIENTS + 1)

    def client(own: list[int]) -> None:
        sql("SELECT 1")
        start.wait()
        for target_id in own:
            work(target_id, now)

    clients = [context.Process(target=client, args=(ids[n::CLIENTS],)) for n in range(CLIENTS)]
    for one in clients:
        one.start()
    start.wait()
    began = time.perf_counter()
    for one in clients:
        one.join()
    seconds = time.perf_counter() - began
    if any(one.exitcode for one in clients):
        raise BenchFailed("a client gave up")
    return len(ids) / seconds
