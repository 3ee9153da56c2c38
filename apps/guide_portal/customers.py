"""Reads for 客户: everybody in the scope, and words that pages share."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.db.models import Exists, OuterRef, QuerySet, UUIDField
from django.http import Http404
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.core.shown import Shown
from apps.guide_portal.cards import Chip, Person, person_of
from apps.guide_portal.templatetags.portal import yuan
from apps.members.models import FollowRelation, Member, StopMark
from apps.members.selectors import (
    Note,
)
from apps.profiles.models import MemberProfile, Stage
from apps.tagging.models import Tag

PAGE = 20
FOUND = 30
WORDS_OFFERED = 4
WORD_LENGTH = 6
AWAY = (Stage.SILENT, Stage.LOST)


@dataclass(frozen=True, slots=True)
class Row(Shown):
    person: Person
    words: str
    chip: Chip | None


# --- the list ------------------------------------------------------------------------------------


def visible(actor: Actor) -> QuerySet[Member]:
    """Whose card the actor may open: own customers, and a look somebody granted."""
    return Member.objects.visible_to(actor).survivors()


def served(actor: Actor) -> QuerySet[Member]:
    """The actor's own customers: lists and everything that writes."""
    return Member.objects.served_by(actor).survivors()


SHOWN = ("all", "away", "friends")


def _page(actor: Actor, show: str, *, paged: bool) -> QuerySet[Member]:
    members = served(actor)
    if show == "away":
        profiles = MemberProfile.objects.filter(member_id=OuterRef("pk"), stage__in=AWAY)
        members = members.filter(Exists(profiles))
    if show == "friends":
        friends = FollowRelation.objects.current().filter(member_id=OuterRef("pk"))
        members = members.filter(Exists(friends.filter(guide_id=actor.guide_id or 0)))
    if paged:
        members = members.filter(public_id__lt=Place("after", UUIDField()))
    return members.order_by("-public_id")[: PAGE + 1]


_PAGES = {
    (show, paged): Scoped(partial(_page, show=show, paged=paged))
    for show in SHOWN
    for paged in (False, True)
}


def list_customers(
    *, actor: Actor, show: str, after: uuid.UUID | None, now: datetime
) -> tuple[list[Row], uuid.UUID | None]:
    """One page of the actor's customers and the id to go on after; newest known first."""
    found = _PAGES[show, after is not None].rows(actor, after=after)
    more = found[PAGE - 1].public_id if len(found) > PAGE else None
    return rows_of(found[:PAGE], now=now), more


_PROFILES = Compiled(lambda: MemberProfile.objects.filter(among("member_id", "members")))
_STOPS = Compiled(
    lambda: (
        StopMark.objects.current().filter(among("member_id", "members")).values_list("member_id")
    )
)


def rows_of(members: Sequence[Member], *, now: datetime) -> list[Row]:
    ids = [member.pk for member in members]
    profiles = {profile.member_id: profile for profile in _PROFILES.rows(members=ids)}
    stopped = {member_id for (member_id,) in _STOPS.tuples(members=ids)}
    rows = []
    for member in members:
        chip = Chip("shield", _("no contact wanted"), "late") if member.pk in stopped else None
        words = _profile_words(profiles.get(member.pk), now=now)
        rows.append(Row(person=person_of(member), words=words, chip=chip))
    return rows


def days_ago(profile: MemberProfile | None, *, now: datetime) -> str:
    """How long ago the last order was; "" for who has none."""
    if profile is None or profile.last_order_on is None:
        return ""
    return ago_words(profile.last_order_on, now=now)


def ago_words(day: date, *, now: datetime) -> str:
    """How many days of the chain ago."""
    days = (clock.business_day(now) - day).days
    return _("%(n)s days ago") % {"n": days} if days else _("today")


def _profile_words(profile: MemberProfile | None, *, now: datetime) -> str:
    if profile is None or profile.last_order_on is None:
        return _("no purchase yet with us")
    return _("Bought %(when)s, %(total)s in all") % {
        "when": days_ago(profile, now=now),
        "total": yuan(profile.net_fen),
    }


# --- one customer --------------------------------------------------------------------------------


def own_word(guide_id: int | None, name: str, actor: Actor) -> str:
    return _("you") if guide_id == actor.guide_id else name


def words_to_tap(notes: Sequence[tuple[str, int]], *, guide_id: int | None) -> list[str]:
    """Short words to tap: those this guide wrote here last, then the usual ones."""
    usual = [
        _("interested"),
        _("comes at weekends"),
        _("finds it dear"),
        _("buys for the family"),
    ]
    own = [body for body, by in notes if by == guide_id]
    short = [body for body in own if len(body) <= WORD_LENGTH]
    return list(dict.fromkeys([*short, *usual]))[:WORDS_OFFERED]


def note_words(notes: Sequence[Note], *, guide_id: int | None) -> list[str]:
    return words_to_tap([(note.body, note.guide_id) for note in notes], guide_id=guide_id)


_OWN = Scoped(
    lambda actor: (
        Member.objects.served_by(actor, each=True)
        .survivors()
        .filter(public_id=Place("customer", UUIDField()))
        .values_list("pk")
        .order_by()
    )
)


def find_customer(*, actor: Actor, public_id: uuid.UUID) -> tuple[int, bool] | None:
    """The member whose card the actor may open, and whether TA is the actor's own. Nearly all are:
    a look somebody granted is asked for after that."""
    for (pk,) in _OWN.tuples(actor, customer=public_id):
        return pk, True
    pk = visible(actor).filter(public_id=public_id).values_list("pk", flat=True).first()
    return None if pk is None else (pk, False)


def get_customer(*, actor: Actor, public_id: uuid.UUID) -> Member:
    """The customer if the actor works for them, else 404. A granted look writes nothing."""
    member = served(actor).filter(public_id=public_id).first()
    if member is None:
        raise Http404
    return member


def own_tags() -> QuerySet[Tag]:
    """Tags that are the guides' to put on and take off; a retired one can still be taken off."""
    return Tag.objects.filter(group__guides_may_apply=True)


def offered_tags() -> QuerySet[Tag]:
    """Tags a guide may put on a customer."""
    return own_tags().filter(retired_at=None)
