"""All that stands in narrow rows about one person, read in one question.

A card is opened thousands of times a minute; thirty small questions for it would be thirty ways to
the database and back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    DateField,
    DateTimeField,
    Exists,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Concat, JSONObject
from django.utils.dateparse import parse_datetime

from apps.appointments.models import Appointment
from apps.cases.models import ServiceCase
from apps.contact_codes.models import ChannelCode
from apps.core import clock, pii
from apps.core.compiled import Compiled, Place
from apps.guide_portal.models import LeadingFacts
from apps.guide_portal.receipts import undoable
from apps.guide_tasks.services.personal import PERSONAL
from apps.loyalty.models import PointsLot
from apps.loyalty.selectors import Standing, fen_per_point, standing_of
from apps.members.models import (
    ConfirmedFact,
    Consent,
    FollowRelation,
    FollowUp,
    Interaction,
    JoinRefusal,
    Member,
    MemberIdentity,
    MemberNote,
    ServingPeriod,
    StopMark,
)
from apps.outreach.models import ContactBudget, DispatchRecipient
from apps.outreach.policy import month_of
from apps.profiles.models import MemberFacts, MemberProfile, StageVersion
from apps.tagging.models import MemberTags

NOTES = 20
VISITS = 60
APPOINTMENTS = 5
CASES = 5
VISIT_DAYS = 90
TALK = (Interaction.Kind.MESSAGE, Interaction.Kind.CHAT_OPENED, Interaction.Kind.VISIT)

Row = dict[str, Any]
AnyModel = TypeVar("AnyModel", bound=Model)


@dataclass(frozen=True, slots=True)
class Dossier:
    """One survivor with everything of the people merged into it."""

    member: Member
    group: list[int]
    phone: str
    home_store: str
    profile: MemberProfile | None
    facts: MemberFacts | None
    version: StageVersion | None
    tag_ids: list[int]
    serving: Row | None
    friends: list[Row]
    was_friend: bool
    consents: list[Row]
    is_stopped: bool
    last: Row | None
    visits: list[Row]
    follow_up: date | None
    notes: list[Row]
    confirmed: list[Row]
    budget_used: int
    is_waiting: bool
    refusal: Row | None
    appointments: list[Row]
    points: Standing
    cases: list[Row]
    fresh: set[str]
    leading: list[Row]

    def friend_of(self, guide_id: int) -> Row | None:
        return next((row for row in self.friends if row["guide_id"] == guide_id), None)


def _rows(queryset: QuerySet, **fields: str) -> ArraySubquery:
    return ArraySubquery(queryset.values(json=JSONObject(**fields)))


def _code_name() -> Subquery:
    """By which of our codes a friend came, in its own words; empty for any other way."""
    codes = ChannelCode.objects.filter(state=OuterRef("state"))
    return Subquery(codes.values_list(Concat("channel", Value(" · "), "title"))[:1])


def _whole(queryset: QuerySet) -> ArraySubquery:
    """Every column of at most one row."""
    columns = {field.attname: field.attname for field in queryset.model._meta.concrete_fields}
    return _rows(queryset[:1], **columns)


def _made(model: type[AnyModel], rows: list[Row]) -> AnyModel | None:
    if not rows:
        return None
    columns = {field.attname: field for field in model._meta.concrete_fields}
    return model(**{name: columns[name].to_python(value) for name, value in rows[0].items()})


def moment(raw: str) -> datetime:
    """A moment as PostgreSQL writes it into JSON."""
    found = parse_datetime(raw)
    assert found is not None
    return found


def _timed(rows: Iterable[Row]) -> list[Row]:
    return [{**row, "at": moment(row["at"])} for row in rows]


def read_dossier(*, member_id: int, guide_id: int, now: datetime) -> Dossier:
    """This survivor, whole, in one query."""
    (found,) = _WHOLE.rows(
        member=member_id,
        guide=guide_id,
        now=now,
        month=month_of(now),
        today=clock.business_day(now),
    )
    return _dossier(found)


# what a reader asks about, and of whom: `OWN` rows are the survivor's, `PERSON`'s also those of the
# people merged into TA
GUIDE, NOW = Place("guide", BigIntegerField()), Place("now", DateTimeField())
OWN, PERSON = {"member_id": OuterRef("pk")}, {"member__survivor_id": OuterRef("pk")}
BY = {"guide_id": "guide_id", "guide": "guide__name"}


def _whole_member() -> QuerySet:
    """Some twenty subqueries: written once, see `Compiled`."""
    members = Member.objects.filter(pk=Place("member", BigIntegerField()))
    return members.select_related("home_store").annotate(
        **_who(), **_relations(), **_reach(), **_history(), **_ahead(), **_values()
    )


def _who() -> dict[str, Any]:
    merged = Member.objects.filter(survivor_id=OuterRef("pk")).order_by("pk")
    phones = MemberIdentity.objects.filter(**PERSON, kind=MemberIdentity.Kind.PHONE)
    return {
        "_group": ArraySubquery(merged.values("pk")),
        "_phone": Subquery(phones.order_by("pk").values("value_enc")[:1]),
        "_tags": Subquery(MemberTags.objects.filter(**OWN).values("tags")[:1]),
        "_confirmed": _rows(
            ConfirmedFact.objects.filter(**PERSON).order_by("confirmed_at"),
            kind="kind", word="word",
        ),
    }  # fmt: skip


def _relations() -> dict[str, Any]:
    follows = FollowRelation.objects.filter(**PERSON)
    return {
        "_serving": _rows(
            ServingPeriod.objects.current().filter(**OWN), **BY, store="store__name", at="since"
        ),
        "_friends": _rows(
            follows.filter(until=None).annotate(code=_code_name()).order_by("since"),
            **BY, external_userid="external_userid", at="since", way="add_way", code="code",
        ),
        "_was_friend": Exists(follows.filter(guide_id=GUIDE)),
    }  # fmt: skip


def _reach() -> dict[str, Any]:
    """Whether TA may be written to, and what is on its way."""
    waiting = DispatchRecipient.objects.filter(
        **OWN,
        dispatch__guide_id=GUIDE,
        source__startswith=PERSONAL,
        state=DispatchRecipient.State.WAITING,
    )
    budgets = ContactBudget.objects.filter(**OWN, month=Place("month", DateField()))
    return {
        "_consents": _rows(
            Consent.objects.valid().filter(**PERSON).order_by("given_at"),
            purpose="purpose", at="given_at",
        ),
        "_stopped": Exists(StopMark.objects.current().filter(**PERSON)),
        "_used": Subquery(budgets.values("used")[:1]),
        "_waiting": Exists(waiting),
    }  # fmt: skip


def _history() -> dict[str, Any]:
    """What guides wrote down and heard."""
    talks = Interaction.objects.filter(**PERSON).order_by("-occurred_at")
    visits = talks.filter(
        kind=Interaction.Kind.VISIT, occurred_at__gte=NOW - timedelta(days=VISIT_DAYS)
    )
    return {
        "_last": _rows(talks.filter(kind__in=TALK)[:1], **BY, kind="kind", at="occurred_at"),
        "_visits": _rows(
            visits[:VISITS], pk="pk", **BY, reason="reason", at="occurred_at", source="source"
        ),
        "_notes": _rows(
            MemberNote.objects.standing().filter(**PERSON).order_by("-created_at")[:NOTES],
            **BY, body="body_enc", at="created_at", client_id="client_id",
        ),
        "_fresh": _rows(undoable(guide_id=GUIDE), id="client_id"),
        "_refusal": _rows(
            JoinRefusal.objects.filter(**PERSON).order_by("-at", "-pk")[:1],
            **BY, reason="reason", at="at",
        ),
    }  # fmt: skip


def _ahead() -> dict[str, Any]:
    """What waits for a day."""
    follow_ups = FollowUp.objects.standing().filter(**OWN, guide_id=GUIDE)
    return {
        "_follow_up": Subquery(follow_ups.values("due_on")[:1]),
        "_appointments": _rows(
            Appointment.objects.booked().filter(**PERSON).order_by("starts_at")[:APPOINTMENTS],
            **BY, pk="pk", what="kind", store_id="store_id", store="store__name", at="starts_at",
        ),
        "_cases": _rows(
            ServiceCase.objects.undecided().filter(**PERSON).order_by("due_at", "pk")[:CASES],
            pk="pk", what="kind", state="state", guide_id="guide_id", opened_by="opened_by",
            store_id="store_id", store="store__name", at="due_at",
        ),
    }  # fmt: skip


def _values() -> dict[str, Any]:
    """TA's numbers, and what head office says of how they are shown."""
    versions = StageVersion.objects.filter(published_at__lte=NOW)
    lots = PointsLot.objects.filter(**PERSON).standing(on=Place("today", DateField()))
    return {
        "_profile": _whole(MemberProfile.objects.filter(**OWN)),
        "_facts": _whole(MemberFacts.objects.filter(**OWN)),
        "_version": _whole(versions.order_by("-published_at", "-pk")),
        "_points": _rows(
            lots.annotate(fen=fen_per_point()), on="expires_on", points="points", fen="fen"
        ),
        "_leading": _rows(
            LeadingFacts.objects.all(), stage="stage", first="first", second="second", third="third"
        ),
    }


_WHOLE = Compiled(_whole_member)


def _note(row: Row) -> Row:
    # PostgreSQL writes bytes into JSON as \\x and hexadecimal digits
    return {**row, "body": pii.decrypt(bytes.fromhex(row["body"][2:]))}


def _lot(row: Row) -> tuple[date | None, int, int]:
    day = date.fromisoformat(row["on"]) if row["on"] else None
    return day, row["points"], row["fen"]


def _dossier(found: Any) -> Dossier:
    return Dossier(
        member=found,
        group=found._group,
        phone=pii.mask_phone(pii.decrypt(found._phone)) if found._phone else "",
        home_store=found.home_store.name if found.home_store else "",
        profile=_made(MemberProfile, found._profile),
        facts=_made(MemberFacts, found._facts),
        version=_made(StageVersion, found._version),
        tag_ids=found._tags or [],
        serving=next(iter(_timed(found._serving)), None),
        friends=_timed(found._friends),
        was_friend=found._was_friend,
        consents=_timed(found._consents),
        is_stopped=found._stopped,
        last=next(iter(_timed(found._last)), None),
        visits=_timed(found._visits),
        follow_up=found._follow_up,
        notes=[_note(row) for row in _timed(found._notes)],
        confirmed=found._confirmed,
        budget_used=found._used or 0,
        is_waiting=found._waiting,
        refusal=next(iter(_timed(found._refusal)), None),
        appointments=_timed(found._appointments),
        points=standing_of(map(_lot, found._points)),
        cases=_timed(found._cases),
        fresh={row["id"] for row in found._fresh},
        leading=found._leading,
    )


def days_since(moment_: datetime | None, *, now: datetime) -> int | None:
    """Whole days of the chain between then and now."""
    if moment_ is None:
        return None
    return (clock.business_day(now) - clock.business_day(moment_)).days
