"""A small chain with guides and friends, and pushes handed out to them."""

import itertools
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from pyroaring import BitMap

from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_tasks import services
from apps.guide_tasks.models import TaskTarget
from apps.members.models import FollowRelation
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.segments.models import Segment, SegmentRun, SegmentVersion
from tests.factories.facts import make_guide, make_product, make_store
from tests.factories.outreach import CORP, connect_corp, make_friends

_numbers = itertools.count(1)


def make_team(now, *, guides=1, friends=3, store=None, consent=True):
    """A store with guides, each with served, consenting WeCom friends: [(guide, [member,
    …]), …].
    """
    connect_corp()
    store = store or make_store()
    team = []
    for _one in range(guides):
        guide = make_guide(store, corp=CORP)
        found = make_friends(guide, friends, consent=consent, since=now - timedelta(days=60))
        team.append((guide, [member for member, _external in found]))
    return team


def members_of(team):
    return [member for _guide, members in team for member in members]


def make_run(members, now):
    """A frozen segment holding exactly these members."""
    ids = BitMap(getattr(member, "pk", member) for member in members)
    segment = Segment.objects.create(name=f"segment {next(_numbers)}")
    version = SegmentVersion.objects.create(
        segment=segment, number=1, definition={"op": "and", "items": []}
    )
    return SegmentRun.objects.create(
        version=version, as_of=now, member_count=len(ids), members=ids.serialize(), cause="test"
    )


def make_push(members, now, **fields):
    defaults = {
        "title": "秋冬新靴到店",
        "actor": SYSTEM,
        "now": now,
        "segment_run": make_run(members, now),
        "body": "{称呼}，{门店}到了新靴。",
        "generic_body": "{门店}到了新靴。",
        "due_at": now + timedelta(days=2),
        "control_share_bp": 0,
    }
    return services.create_push(**{**defaults, **fields})


def hand_out(members, now, **fields):
    """A push handed out now; returns it fresh."""
    push = make_push(members, now, **fields)
    services.hand_out(push=push, now=now, actor=SYSTEM)
    push.refresh_from_db()
    return push


def target_of(push, member):
    return TaskTarget.objects.get(push=push, member=member)


def guide_actor(guide, now):
    return Actor(
        role="guide",
        guide_id=guide.pk,
        capabilities=frozenset({Capability.WORK_TASKS}),
        on=clock.business_day(now),
    )


def manager_actor(guide, store, now):
    actor = guide_actor(guide, now)
    return replace(
        actor,
        store_ids=frozenset({store.pk}),
        capabilities=actor.capabilities | {Capability.MANAGE_TEAM},
    )


def tap(target, now, *, text=None):
    return services.send_to_target(
        target=target,
        text=text,
        actor=guide_actor(target.guide, now),
        now=now,
        client_id=uuid.uuid4(),
    )


def settle(dispatch, state, at):
    """WeCom's word on every receiver of a send, applied."""
    rows = DispatchRecipient.objects.filter(dispatch=dispatch)
    rows.update(state=state, result_at=at)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="sent", sent_at=at)
    for row in rows:
        services.apply_result(recipient=row)


def guide_of(member):
    """Whose WeCom friend they are."""
    return FollowRelation.objects.get(member=member, until=None).guide


def deliver(target, now):
    """A tap, its confirmation and WeCom's result."""
    settle(tap(target, now), DispatchRecipient.State.DELIVERED, now)
    target.refresh_from_db()
    return target


def buy(member, store, at, *, fen=50_000, number="", original="", now=None):
    """An order (or, naming an original, its whole return) as the till reports it; returns
    its id.
    """
    number = number or f"T{next(_numbers):08d}"
    product = make_product()
    sign = -1 if original else 1
    row = OrderRow(
        source="pos",
        external_no=number,
        store_code=store.code,
        paid_at=at,
        net_fen=sign * fen,
        lines=[
            LineRow(
                1, product.sku, Decimal(sign), sign * fen, original_line_no=1 if original else None
            )
        ],
        kind="return" if original else "sale",
        original_no=original,
        member_id=None if original else member.pk,
    )
    (result,) = ingest_orders(rows=[row], now=now or at, actor=SYSTEM)
    assert result.order_id, result
    return result.order_id
