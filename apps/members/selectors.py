"""Reads about members for pages and for the rooms above. Masked unless somebody asks otherwise."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet
from django.utils.translation import gettext

from apps.accounts.models import User
from apps.core import clock, pii, prepared
from apps.members.models import (
    Consent,
    FollowRelation,
    Interaction,
    JoinRefusal,
    LookUp,
    LookUpAlert,
    Member,
    MemberIdentity,
    MemberNote,
    ServingPeriod,
    StopMark,
)

Given = tuple[str, str, str]
VISIT_SOURCE = "visit:"


@dataclass(frozen=True, slots=True)
class FoundIdentity:
    identity_id: int
    member_id: int
    survivor_id: int


@dataclass(frozen=True, slots=True)
class MemberCard:
    """What a list or a card shows of one survivor."""

    member_id: int
    public_id: uuid.UUID
    name: str
    masked_name: str
    masked_phone: str
    gender: str
    level: str
    joined_at: datetime | None
    home_store: str
    serving_guide_id: int | None
    serving_guide: str
    serving_store_id: int | None
    serving_store: str
    friend_guide_ids: frozenset[int]
    consents: frozenset[str]
    is_stopped: bool
    last_contact_at: datetime | None


@dataclass(frozen=True, slots=True)
class Note:
    body: str
    guide_id: int
    guide: str
    created_at: datetime


def normalise(kind: str, scope: str, raw: str) -> tuple[str, str]:
    """(scope, value) as they are keyed: phones in E.164 without a scope, the rest trimmed.

    Raises InvalidPhone for a phone that is none.
    """
    if kind == MemberIdentity.Kind.PHONE:
        return "", pii.normalise_phone(raw)
    return scope.strip(), (raw or "").strip()


def survivor_group(member_id: int) -> list[int]:
    """Every member id of this person: the survivor's and those merged into it."""
    survivor = Member.objects.filter(pk=member_id).values("survivor_id")[:1]
    return list(
        Member.objects.filter(survivor_id=survivor).order_by("pk").values_list("pk", flat=True)
    )


def survivors_of(member_ids: Iterable[int]) -> dict[int, int]:
    """Survivor by member id."""
    return dict(Member.objects.filter(pk__in=set(member_ids)).values_list("pk", "survivor_id"))


_BY_KEY = """
SELECT identity.value_key, identity.id, identity.member_id, member.survivor_id
FROM members_memberidentity AS identity
JOIN members_member AS member ON member.id = identity.member_id
WHERE identity.kind = %s AND identity.scope = %s AND identity.value_key = ANY(%s::bytea[])
"""


def identities_by_key(
    kind: str, scope: str, keys: Iterable[bytes]
) -> list[tuple[bytes, int, int, int]]:
    """(key, identity, member, survivor) of the known ones."""
    return prepared.read(_BY_KEY, [kind, scope, prepared.as_keys(keys)])


def find_identities(given: Iterable[Given]) -> dict[Given, FoundIdentity]:
    """Known ones of (kind, scope, raw value), set-wise; what cannot be an identity is not found."""
    places: dict[tuple[str, str], dict[bytes, list[Given]]] = {}
    for one in set(given):
        try:
            scope, value = normalise(*one)
        except pii.InvalidPhone:
            continue
        key = pii.value_key(one[0], scope, value)
        places.setdefault((one[0], scope), {}).setdefault(key, []).append(one)
    found: dict[Given, FoundIdentity] = {}
    for (kind, scope), keys in places.items():
        for stored, pk, member_id, survivor_id in identities_by_key(kind, scope, keys):
            for one in keys[stored]:
                found[one] = FoundIdentity(pk, member_id, survivor_id)
    return found


def holder_of(kind: str, scope: str, raw: str) -> QuerySet:
    """The survivor's id of who holds this identifier, as a question inside another one."""
    scope, value = normalise(kind, scope, raw)
    held = MemberIdentity.objects.matching(
        kind=kind, scope=scope, value_keys=[pii.value_key(kind, scope, value)]
    )
    return held.values("member__survivor_id")[:1]


def find_by_identity(kind: str, scope: str, value: str) -> Member | None:
    """The survivor who holds this identifier."""
    found = find_identities([(kind, scope, value)]).get((kind, scope, value))
    return Member.objects.get(pk=found.survivor_id) if found else None


def identity_values(*, member_id: int, kind: str) -> list[tuple[str, str]]:
    """(scope, value) of a person's identifiers of one kind, for the system they belong to."""
    rows = MemberIdentity.objects.filter(member__survivor_id=member_id, kind=kind).order_by("pk")
    return [(row.scope, pii.decrypt(row.value_enc)) for row in rows]


def masked_name(member: Member) -> str:
    """林*雯"""
    return pii.mask_name(member.name)


def listed_name(member: Member) -> str:
    """The masked name, or that TA gave none: a list never shows our own numbers."""
    return masked_name(member) or gettext("no name")


def masked_phones(member_ids: Iterable[int]) -> dict[int, str]:
    """138****5678 by survivor id, in one query; who has no phone is left out."""
    rows = MemberIdentity.objects.filter(
        member__survivor_id__in=list(member_ids), kind=MemberIdentity.Kind.PHONE
    ).order_by("-pk")
    return {
        survivor_id: pii.mask_phone(pii.decrypt(value))
        for survivor_id, value in rows.values_list("member__survivor_id", "value_enc")
    }


def masked_phone(member: Member) -> str:
    """138****5678, "" without a phone. One query: lists ask `masked_phones`."""
    return masked_phones([member.survivor_id]).get(member.survivor_id, "")


def serving_of(member_ids: Sequence[int]) -> dict[int, ServingPeriod]:
    """The serving period now, with guide and store, by member."""
    periods = (
        ServingPeriod.objects.current()
        .filter(member_id__in=member_ids)
        .select_related("guide", "store")
    )
    return {period.member_id: period for period in periods}


def _sets(rows: Iterable[tuple[int, object]]) -> dict[int, set]:
    found: dict[int, set] = {}
    for member_id, value in rows:
        found.setdefault(member_id, set()).add(value)
    return found


def member_card(*, member_ids: Sequence[int]) -> dict[int, MemberCard]:
    """Cards of survivors by id, in a fixed number of queries."""
    ids = list(member_ids)
    members = Member.objects.filter(pk__in=ids).select_related("home_store")
    phones, serving = masked_phones(ids), serving_of(ids)
    friends = _sets(
        FollowRelation.objects.current()
        .filter(member_id__in=ids)
        .values_list("member_id", "guide_id")
    )
    consents = _sets(
        Consent.objects.valid().filter(member_id__in=ids).values_list("member_id", "purpose")
    )
    stopped = set(
        StopMark.objects.current().filter(member_id__in=ids).values_list("member_id", flat=True)
    )
    contacts = dict(
        Interaction.objects.filter(member_id__in=ids)
        .order_by("member_id", "-occurred_at")
        .distinct("member_id")
        .values_list("member_id", "occurred_at")
    )
    cards = {}
    for member in members:
        period = serving.get(member.pk)
        cards[member.pk] = MemberCard(
            member_id=member.pk,
            public_id=member.public_id,
            name=member.name,
            masked_name=masked_name(member),
            masked_phone=phones.get(member.pk, ""),
            gender=member.gender,
            level=member.level,
            joined_at=member.joined_at,
            home_store=member.home_store.name if member.home_store else "",
            serving_guide_id=period.guide_id if period else None,
            serving_guide=period.guide.name if period else "",
            serving_store_id=period.store_id if period else None,
            serving_store=period.store.name if period else "",
            friend_guide_ids=frozenset(friends.get(member.pk, ())),
            consents=frozenset(consents.get(member.pk, ())),
            is_stopped=member.pk in stopped,
            last_contact_at=contacts.get(member.pk),
        )
    return cards


def last_refusal(*, member_id: int) -> JoinRefusal | None:
    """What a person answered last who was asked to join, with the guide who asked."""
    rows = JoinRefusal.objects.filter(member__survivor_id=member_id).select_related("guide")
    return rows.order_by("-at", "-pk").first()


def notes_of(*, member_id: int, limit: int = 20) -> list[Note]:
    """The latest notes on a person, newest first, in the clear: for the people who serve them."""
    notes = (
        MemberNote.objects.standing()
        .filter(member__survivor_id=member_id)
        .select_related("guide")
        .order_by("-created_at")[:limit]
    )
    return [
        Note(pii.decrypt(note.body_enc), note.guide_id, note.guide.name, note.created_at)
        for note in notes
    ]


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody reached the limit of look-ups on a day, and nobody has asked why yet."""

    alert_id: int
    actor: str
    who: str
    day: date
    looked: int
    others: int


def _user_names(labels: set[str]) -> dict[str, str]:
    """Name by `user:3`, of head office's people."""
    ids = [int(label.removeprefix("user:")) for label in labels if label.startswith("user:")]
    people = User.objects.filter(pk__in=ids) if ids else []
    return {f"user:{one.pk}": one.get_full_name() or one.get_username() for one in people}


def standing_alerts(*, limit: int = 100) -> list[Alert]:
    """The newest first, each with what was looked up that day; at most three queries."""
    alerts = list(
        LookUpAlert.objects.filter(settled_at=None)
        .select_related("guide")
        .order_by("-raised_at")[:limit]
    )
    if not alerts:
        return []
    actors = {alert.actor for alert in alerts}
    names = _user_names({alert.actor for alert in alerts if alert.guide is None})
    since = clock.day_start(min(alert.day for alert in alerts))
    counts: dict[tuple[str, date], list[int]] = {}
    rows = LookUp.objects.filter(actor__in=actors, at__gte=since)
    for actor, at, others in rows.values_list("actor", "at", "others"):
        found = counts.setdefault((actor, clock.business_day(at)), [0, 0])
        found[0] += 1
        found[1] += others
    return [
        Alert(
            alert.pk,
            alert.actor,
            alert.guide.name if alert.guide else names.get(alert.actor, alert.actor),
            alert.day,
            *counts.get((alert.actor, alert.day), [0, 0]),
        )
        for alert in alerts
    ]


def visit_source(client_id: uuid.UUID | str) -> str:
    return f"{VISIT_SOURCE}{client_id}"


def visit_of_act(*, client_id: uuid.UUID, guide_id: int) -> Interaction | None:
    """The visit that this guide's tap noted, as long as it stands."""
    noted = Interaction.objects.filter(source=visit_source(client_id), guide_id=guide_id)
    return noted.select_related("member").first()


def note_stands(*, client_id: uuid.UUID, guide_id: int) -> bool:
    """Whether what this guide wrote in this act is there: it may have been taken back."""
    notes = MemberNote.objects.standing().filter(client_id=client_id, guide_id=guide_id)
    return notes.exists()
