"""How fast WeCom's events about friends are read: a campaign's weekend, from inbox to tasks.

Customers come by their stores' codes, are edited by their guides and leave. The other side is the
simulator in a process of its own. The floor asks it for the same customers with the same client,
one after the other, and keeps nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection
from django.utils import timezone

from apps.accounts.actor import SYSTEM
from apps.contact_codes import services as codes
from apps.contact_codes.models import ChannelCode
from apps.core.wake import asleep
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services.rules import ensure_default_rules
from apps.hq.benches import Options, Result, Say, bench
from apps.hq.benches._bulk import sql
from apps.hq.benches._serving import BenchFailed
from apps.hq.benches._simulated import CORP, connect, control, open_stores, simulator
from apps.members.models import FollowRelation
from apps.stores.models import Guide, Posting
from apps.tagging.models import Tag, TagGroup
from apps.wecom.client import WeComClient, client_for
from apps.wecom.models import CallbackEndpoint, RawCallback
from apps.wecom_sync.services import handle_callbacks, sync_kind

WARM_UP = 50
SEEDED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one event: seconds on the clock, of this process, and statements."""

    wall: float
    cpu: float
    statements: float


@dataclass(frozen=True, slots=True)
class Came:
    """A customer who came to a guide by a code."""

    userid: str
    external_userid: str
    state: str
    at: datetime


@bench("events", {"--guides": 200, "--events": 2_000, "--wecom-ms": 0})
def events(options: Options, say: Say) -> list[Result]:
    """Events a second, and what each costs, beside the bare calls; `--wecom-ms` is how long the
    other side takes for an answer, as WeCom does and a simulator beside us does not."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with simulator() as url, ExitStack() as quiet:
        quiet.enter_context(asleep())  # the bench is the only worker
        say(f"making {options['guides']:,} guides and {options['events']:,} new friends")
        came = _make_world(url, options["guides"], options["events"] + WARM_UP)
        client = client_for(connect(url))
        _read("add_external_contact", came[:WARM_UP])
        came = came[WARM_UP:]
        if options["wecom_ms"]:
            late = {"path": "externalcontact/get", "delay_ms": options["wecom_ms"]}
            control(url, "faults", **late, times=10**9)
        say("measuring the bare calls")
        floor = _measure(lambda: _ask(client, came), len(came))
        say("measuring new friends")
        begun = _measure(lambda: _read("add_external_contact", came), len(came))
        _check(FollowRelation.objects.current().count(), len(came) + WARM_UP, "friendships")
        _check(TaskTarget.objects.count(), len(came) + WARM_UP, "greetings")
        say("measuring edits and ends")
        edited = _measure(lambda: _read("edit_external_contact", came), len(came))
        ended = _measure(lambda: _read("del_follow_user", came), len(came))
        _check(FollowRelation.objects.current().count(), WARM_UP, "friendships")
    return [
        *_told("new_friends", begun, floor),
        *_told("edits", edited, floor),
        *_told("ends", ended, None),
    ]


def _told(name: str, cost: Cost, floor: Cost | None) -> list[Result]:
    per_s, bare = 1 / cost.wall, 1 / floor.wall if floor else None
    cpu_ms, bare_ms = cost.cpu * 1_000, floor.cpu * 1_000 if floor else None
    return [
        Result(f"{name}_per_s", "events/s", per_s, bare, bare / per_s if bare else None),
        Result(
            f"{name}_cpu_ms", "ms of this process", cpu_ms, bare_ms,
            cpu_ms / bare_ms if bare_ms else None,
        ),
        Result(f"{name}_statements", "statements/event", cost.statements),
    ]  # fmt: skip


# --- the world -----------------------------------------------------------------------------------


def _make_world(url: str, guides: int, friends: int) -> list[Came]:
    """Live stores with a code and a tag each, guides, and customers who have just come."""
    control(url, "bulk", guides=guides, contacts=1, seed=1)
    control(url, "switches", calls_per_minute=10**9)
    corp, now = connect(url), timezone.now()
    open_stores(client_for(corp))
    if sync_kind(corp=corp, kind="departments", now=now).state != "done":
        raise BenchFailed("the staff was not read")
    ensure_default_rules(now=now - timedelta(days=1))
    tag = Tag.objects.create(group=TagGroup.objects.create(name="来源"), name="周末")
    wanted = codes.Wanted(title="周末", channel="poster", kind="nearest", tag_ids=[tag.pk])
    codes.make_store_codes(
        region_id=None, wanted=wanted, corp_id=corp.corp_id, actor=SYSTEM, now=now
    )
    came = _customers(friends, now)
    for start in range(0, len(came), SEEDED_AT_ONCE):
        part = came[start : start + SEEDED_AT_ONCE]
        control(url, "seed", customers=[_seeded(one) for one in part])
    return came


def _customers(number: int, now: datetime) -> list[Came]:
    state_of = dict(ChannelCode.objects.values_list("store_id", "state"))
    store_of = dict(Posting.objects.values_list("guide_id", "store_id"))
    guides = list(Guide.objects.order_by("pk").values_list("pk", "wecom_userid"))
    at = now.replace(microsecond=0) - timedelta(minutes=10)
    return [
        Came(
            userid=userid,
            external_userid=f"wmEvents{place:024}",
            state=state_of[store_of[pk]],
            at=at + timedelta(milliseconds=place // 10 * 1_000 % 300_000),
        )
        for place in range(number)
        for pk, userid in [guides[place % len(guides)]]
    ]


def _seeded(one: Came) -> dict[str, Any]:
    follow = {"userid": one.userid, "createtime": int(one.at.timestamp()), "state": one.state}
    return {
        "external_userid": one.external_userid,
        "name": f"客户{one.external_userid[-4:]}",
        "unionid": f"o{one.external_userid}",
        "follows": [follow],
    }


# --- what is measured ----------------------------------------------------------------------------


def _measure(work: Callable[[], object], number: int) -> Cost:
    asked = 0

    def count(execute: Any, *args: Any) -> Any:
        nonlocal asked
        asked += 1
        return execute(*args)

    sql("CHECKPOINT")
    with connection.execute_wrapper(count):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall / number, cpu / number, asked / number)


def _ask(client: WeComClient, came: Sequence[Came]) -> None:
    for one in came:
        client.get_contact(one.external_userid)


def _read(change: str, came: Sequence[Came]) -> None:
    """Put one event each into the inbox and read them all."""
    endpoint, now = CallbackEndpoint.objects.get(slug="bench"), timezone.now()
    last = RawCallback.objects.count()
    RawCallback.objects.bulk_create(
        RawCallback(
            key=(last + place).to_bytes(32, "big"),
            endpoint=endpoint,
            event="change_external_contact",
            change_type=change,
            fields={
                "ToUserName": CORP["WECOM_CORP_ID"],
                "UserID": one.userid,
                "ExternalUserID": one.external_userid,
                "State": one.state,
            },
            created_by_wecom_at=one.at if change.startswith("add") else now,
            not_before=now,
        )
        for place, one in enumerate(came)
    )
    handle_callbacks(now=now, limit=len(came))
    left = RawCallback.objects.exclude(status="done").values_list("status", "last_error").first()
    if left:
        raise BenchFailed(f"not read: {left}")


def _check(found: int, expected: int, what: str) -> None:
    if found != expected:
        raise BenchFailed(f"{expected} {what} expected, {found} found")
