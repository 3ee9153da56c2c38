"""Who received customers accepts, or says what is wrong; the manager answers or gives them on."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock, hours, pii
from apps.handovers.errors import (
    AcceptedByWhoReceived,
    CoverIsDuty,
    NobodyElseLeads,
    NumberInWords,
    ReassignmentMoved,
    WordsMissing,
)
from apps.handovers.models import Reassignment
from apps.handovers.querysets import ReassignmentQuerySet
from apps.handovers.selectors import customers_given
from apps.handovers.services.giving import path_of, share_members
from apps.members.models import ServingPeriod
from apps.outreach.services.notices import GuideCard, queue_cards
from apps.stores.models import Guide
from apps.stores.selectors import managers_of

State = Reassignment.State
WORDS_LENGTH = 200
ALERTS_PATH = "/g/team/alerts/"
# one transaction tells of so many
PART = 500


@transaction.atomic
def accept(*, reassignment_id: int, actor: Actor, now: datetime) -> Reassignment:
    """我来接手. Safe to repeat. Raises AcceptedByWhoReceived, ReassignmentMoved."""
    row = _mine(reassignment_id, actor)
    if row.state in (State.ACCEPTED, State.SETTLED):
        return row
    if row.state == State.OVER:
        raise ReassignmentMoved
    row.state, row.answered_at = State.ACCEPTED, now
    row.save(update_fields=["state", "answered_at"])
    _audit(row, "reassignment.accepted", actor)
    return row


@transaction.atomic
def question(*, reassignment_id: int, words: str, actor: Actor, now: datetime) -> Reassignment:
    """Something is wrong: the store's managers have a card. The same again changes nothing.

    Raises WordsMissing, NumberInWords, AcceptedByWhoReceived, NobodyElseLeads, ReassignmentMoved.
    """
    words = _tidy(words)
    row = _mine(reassignment_id, actor)
    if row.state == State.QUESTIONED and row.said == words:
        return row
    if row.state not in (State.WAITING, State.QUESTIONED):
        raise ReassignmentMoved
    leads = _managers(row, now)
    if not leads:
        raise NobodyElseLeads
    row.state, row.answered_at, row.said_enc = State.QUESTIONED, now, pii.seal(words)
    row.save(update_fields=["state", "answered_at", "said_enc"])
    _audit(row, "reassignment.questioned", actor)
    body = _("%(n)s customers cannot be accepted as they are; read why.") % {"n": row.customers}
    _cards(row, leads, "questioned", _("A hand-over is questioned"), body, path_of(row), now)
    return row


@transaction.atomic
def settle(
    *, reassignment_id: int, word: str, to: Guide | None = None, actor: Actor, now: datetime
) -> Reassignment:
    """The manager answers in a word and it stays, or gives the customers on. Safe to repeat.

    Raises Reassignment.DoesNotExist, WordsMissing, NumberInWords, CoverIsDuty, ReassignmentMoved,
    NobodyToServe.
    """
    led = Reassignment.objects.of_others(actor).values("pk")
    if not actor.can(Capability.MANAGE_TEAM):
        led = led.none()
    row = _held().get(pk=reassignment_id, pk__in=led)
    word = _tidy(word, required=to is None)
    if row.state == (State.OVER if to else State.SETTLED):
        return row
    if row.state not in (State.WAITING, State.QUESTIONED):
        raise ReassignmentMoved
    if to is not None:
        return _give_on(row, to, word, actor, now)
    row.state, row.answered_at = State.SETTLED, row.answered_at or now
    _close(row, word, actor, now)
    body = _("They stay with you. Your manager says why; read it.")
    _cards(row, [row.guide_id], "settled", _("Your manager has answered"), body, path_of(row), now)
    return row


def _give_on(row: Reassignment, to: Guide, word: str, actor: Actor, now: datetime) -> Reassignment:
    """Those that are still the guide's; who has gone to somebody else since stays there."""
    if row.is_cover:
        raise CoverIsDuty
    theirs = ServingPeriod.objects.current().filter(
        guide=row.guide, store=row.store, member_id__in=customers_given(row)
    )
    given = share_members(
        store=row.store,
        member_ids=list(theirs.values_list("member_id", flat=True)),
        among=[to.pk],
        moved_from=row.guide,
        actor=actor,
        now=now,
    )
    row.state = State.OVER
    _close(row, word, actor, now)
    body = _("%(n)s customers are with a colleague now.") % {"n": given}
    _cards(row, [row.guide_id], "settled", _("Your manager has answered"), body, path_of(row), now)
    return row


def _close(row: Reassignment, word: str, actor: Actor, now: datetime) -> None:
    row.word_enc, row.settled_by, row.settled_at = pii.seal(word), actor.label, now
    row.save(update_fields=["state", "answered_at", "word_enc", "settled_by", "settled_at"])
    _audit(row, f"reassignment.{row.state}", actor)


def tell_unaccepted(*, now: datetime) -> int:
    """Put before the stores' managers what nobody accepted in its days, once; returns how many."""
    told = 0
    while part := _tell_part(now):
        told += part
    return told


@transaction.atomic
def _tell_part(now: datetime) -> int:
    limit = now - timedelta(days=settings.REASSIGNMENT_DAYS)
    late = Reassignment.objects.unanswered_since(limit, clock.business_day(now))
    waiting = late.filter(late_told_at=None).select_for_update(of=("self",), skip_locked=True)
    rows = list(waiting.select_related("guide").order_by("given_at", "pk")[:PART])
    leads = managers_of(store_ids={row.store_id for row in rows}, day=clock.business_day(now))
    title = _("A hand-over is not accepted yet")
    queue_cards(
        cards=[
            GuideCard(
                guide_id,
                f"{row}:late",
                title,
                _("%(name)s, %(n)s customers since %(day)s")
                % {"name": row.guide.name, "n": row.customers, "day": f"{row.from_on:%m-%d}"},
                ALERTS_PATH,
                hours.for_cards(now),
            )
            for row in rows
            for guide_id in leads[row.store_id]
            if guide_id != row.guide_id and row.guide.status == Guide.Status.ACTIVE
        ]
    )
    Reassignment.objects.filter(pk__in=[row.pk for row in rows]).update(late_told_at=now)
    return len(rows)


def _held() -> ReassignmentQuerySet:
    rows = Reassignment.objects.select_for_update(of=("self",))
    return rows.select_related("guide", "store", "from_guide")


def _mine(reassignment_id: int, actor: Actor) -> Reassignment:
    row = _held().get(pk=reassignment_id)
    if actor.guide_id is None or row.guide_id != actor.guide_id:
        raise AcceptedByWhoReceived
    return row


def _tidy(words: str, *, required: bool = True) -> str:
    words = words.strip()[:WORDS_LENGTH]
    if required and not words:
        raise WordsMissing
    if pii.holds_number(words):
        raise NumberInWords
    return words


def _managers(row: Reassignment, now: datetime) -> list[int]:
    leads = managers_of(store_ids=[row.store_id], day=clock.business_day(now))
    return [pk for pk in leads[row.store_id] if pk != row.guide_id]


def _cards(
    row: Reassignment, to: list[int], what: str, title: str, body: str, path: str, now: datetime
) -> None:
    """A later answer to the same row is another card."""
    source = f"{row}:{what}:{now:%Y%m%d%H%M%S}"
    start = hours.for_cards(now)
    queue_cards(cards=[GuideCard(pk, source, title, body, path, start) for pk in to])


def _audit(row: Reassignment, action: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type="reassignment",
        object_id=row.pk,
        detail={"store": row.store_id, "guide": row.guide_id, "customers": row.customers},
    )
