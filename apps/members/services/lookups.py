"""Looking people up by number or code: counted for each person, bounded, and told when it is much.

A name is searched inside the own scope alone and is not counted here.
"""

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock, pii
from apps.core.errors import DomainError
from apps.core.locks import take_turn
from apps.members.models import LookUp, LookUpAlert

Kind = LookUp.Kind
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9_-]{5,64}")
TOO_MANY = "member.lookup_limit"


class TooManyLookUps(DomainError):
    code = "lookup_limit"
    message = _("You have looked up many customers. Search by name, or try again in an hour.")


class NoMoreToday(TooManyLookUps):
    message = _("You have looked up all that one day allows. Search by name, or go on tomorrow.")


class AboutYourself(DomainError):
    code = "alert_about_yourself"
    message = _("This is about your own look-ups. A colleague at head office settles it.")


def kind_of(words: str) -> str:
    """What was typed or scanned; "" for a name."""
    if words.isascii() and words.isdigit() and len(words) == 4:
        return Kind.LAST_FOUR
    try:
        pii.normalise_phone(words)
    except pii.InvalidPhone:
        return Kind.CODE if _CODE.fullmatch(words) else ""
    return Kind.PHONE


def begin_look_up(*, kind: str, actor: Actor, now: datetime) -> LookUp:
    """Count one look-up before anything is found. Raises TooManyLookUps beyond the limits (the
    day's: NoMoreToday); head office is told once a day for each person."""
    counted = _counted(kind, actor, now)
    if isinstance(counted, LookUp):
        return counted
    # outside of the transaction, which the refusal would take back with the alert
    raise counted


@transaction.atomic
def _counted(kind: str, actor: Actor, now: datetime) -> LookUp | TooManyLookUps:
    take_turn(f"lookup:{actor.label}")  # two searches at once are two, not one
    mine = LookUp.objects.filter(actor=actor.label)
    hourly = settings.LOOKUPS_AN_HOUR
    daily = settings.LOOKUPS_A_DAY
    today = clock.business_day(now)
    times = list(
        mine.filter(at__gte=min(clock.day_start(today), now - timedelta(hours=1)))
        .order_by("-at")
        .values_list("at", flat=True)[: daily + hourly]
    )
    this_hour = sum(at > now - timedelta(hours=1) for at in times)
    this_day = sum(at >= clock.day_start(today) for at in times)
    if this_hour >= hourly or this_day >= daily:
        alert_head_office(actor=actor, now=now)
        return NoMoreToday() if this_day >= daily else TooManyLookUps()
    return LookUp.objects.create(actor=actor.label, kind=kind, at=now)


def alert_head_office(*, actor: Actor, now: datetime) -> None:
    """Somebody reached a limit: one alert a day for each person."""
    _alert, fresh = LookUpAlert.objects.get_or_create(
        actor=actor.label,
        day=clock.business_day(now),
        defaults={"raised_at": now, "guide_id": actor.guide_id},
    )
    if fresh:
        kind = "guide" if actor.guide_id is not None else "user"
        whom = actor.guide_id if actor.guide_id is not None else actor.user_id
        accounts.audit(actor=actor, action=TOO_MANY, object_type=kind, object_id=whom or 0)


def end_look_up(*, look_up: LookUp, own: int, others: int) -> None:
    """What the look-up found: numbers, for whoever asks why it was made."""
    LookUp.objects.filter(pk=look_up.pk).update(own=own, others=others)


@transaction.atomic
def settle_alert(*, alert_id: int, actor: Actor, now: datetime) -> bool:
    """Head office has asked. Safe to repeat. Raises AboutYourself."""
    standing = LookUpAlert.objects.filter(pk=alert_id, settled_at=None)
    settled = standing.exclude(actor=actor.label).update(settled_at=now, settled_by=actor.label)
    if not settled and standing.exists():
        raise AboutYourself
    if settled:
        accounts.audit(
            actor=actor,
            action="member.lookup_settled",
            object_type="look_up_alert",
            object_id=alert_id,
        )
    return bool(settled)
