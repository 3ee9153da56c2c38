"""The facts on the first screen of a customer's card: three that head office chose lead, and what
every first screen holds besides stands in a line below them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.core import clock
from apps.guide_portal.cards import size_words
from apps.guide_portal.customers import ago_words, days_ago
from apps.guide_portal.dossier import Dossier, Row
from apps.guide_portal.models import LeadingFacts
from apps.guide_portal.templatetags.portal import hour_minute, month_day, yuan
from apps.members.models import Consent
from apps.profiles.models import Stage

Fact = LeadingFacts.Fact
NOTHING = "–"
# what S2-27 of the product's list promises on the first screen, whatever leads
ALWAYS = (Fact.LAST_PURCHASE, Fact.NET, Fact.SIZE)
NEAR_DAYS = 7


@dataclass(frozen=True, slots=True)
class FirstFacts:
    """`leading` as (word, value); `rest` in one line, "" when all of it leads."""

    leading: list[tuple[str, str]]
    rest: str


def first_facts(file: Dossier, *, guide_id: int, now: datetime) -> FirstFacts:
    """Everything here is in the dossier already: no choice asks the database once more."""
    wanted = _chosen(file)
    rest = [fact for fact in ALWAYS if fact not in wanted]
    return FirstFacts(
        leading=[(str(fact.label), _WORDS[fact](file, guide_id, now)) for fact in wanted],
        rest=" · ".join(f"{fact.label} {_WORDS[fact](file, guide_id, now)}" for fact in rest),
    )


def _chosen(file: Dossier) -> list[Fact]:
    """The choice for TA's stage, else the one for everybody, else the usual three."""
    stage = file.profile.stage if file.profile else Stage.PROSPECT
    rows = {row["stage"]: row for row in file.leading}
    row: Row | None = rows.get(stage) or rows.get("")
    return [Fact(row[place]) for place in LeadingFacts.PLACES] if row else list(ALWAYS)


def _last_purchase(file: Dossier, guide_id: int, now: datetime) -> str:
    return days_ago(file.profile, now=now) or _("none")


def _money(fen: int) -> str:
    return yuan(round(fen, -2))


def _size(file: Dossier, guide_id: int, now: datetime) -> str:
    sizes = [file.facts.shoe_size, file.facts.clothing_size] if file.facts else []
    return size_words(next(filter(None, sizes), NOTHING))


def _last_contact(file: Dossier, guide_id: int, now: datetime) -> str:
    return ago_words(clock.business_day(file.last["at"]), now=now) if file.last else _("none")


def _birthday(file: Dossier, guide_id: int, now: datetime) -> str:
    """Told only where TA agreed to greetings."""
    agreed = any(row["purpose"] == Consent.Purpose.BIRTHDAY for row in file.consents)
    month, day = file.member.birth_month, file.member.birth_day
    if not (agreed and month and day):
        return NOTHING
    days = (_next(month, day, clock.business_day(now)) - clock.business_day(now)).days
    if not days:
        return _("today")
    if days <= NEAR_DAYS:
        return _("in %(n)s days") % {"n": days}
    return _("%(month)s/%(day)s") % {"month": month, "day": day}


def _next(month: int, day: int, today: date) -> date:
    """Who has 29 February is congratulated on the 28th of other years."""
    for year in (today.year, today.year + 1):
        try:
            found = date(year, month, day)
        except ValueError:
            found = date(year, month, day - 1)
        if found >= today:
            break
    return found


def _friend_since(file: Dossier, guide_id: int, now: datetime) -> str:
    friend = file.friend_of(guide_id)
    return month_day(friend["at"]) if friend else pgettext("friends since", "not yet")


def _appointment(file: Dossier, guide_id: int, now: datetime) -> str:
    ahead = next((row["at"] for row in file.appointments if row["at"] >= now), None)
    if ahead is None:
        return _("none")
    if clock.business_day(ahead) == clock.business_day(now):
        return _("today %(time)s") % {"time": hour_minute(ahead)}
    return month_day(ahead)


def _usual_gap(file: Dossier, guide_id: int, now: datetime) -> str:
    gap = file.facts.usual_gap_days if file.facts else None
    return _("%(n)s days") % {"n": gap} if gap else NOTHING


_WORDS: dict[Fact, Callable[[Dossier, int, datetime], str]] = {
    Fact.LAST_PURCHASE: _last_purchase,
    Fact.NET: lambda file, _guide, _now: _money(file.profile.net_fen if file.profile else 0),
    Fact.SIZE: _size,
    Fact.NET_365: lambda file, _guide, _now: _money(
        file.profile.net_365_fen if file.profile else 0
    ),
    Fact.ORDER_DAYS: lambda file, _guide, _now: (
        _("%(n)s times") % {"n": file.profile.order_days if file.profile else 0}
    ),
    Fact.USUAL_GAP: _usual_gap,
    Fact.CATEGORY: lambda file, _guide, _now: (
        (file.facts and file.facts.favourite_category) or NOTHING
    ),
    Fact.LEVEL: lambda file, _guide, _now: file.member.level or NOTHING,
    Fact.LAST_CONTACT: _last_contact,
    Fact.FRIEND_SINCE: _friend_since,
    Fact.VISITS: lambda file, _guide, _now: _("%(n)s times") % {"n": len(file.visits)},
    Fact.APPOINTMENT: _appointment,
    Fact.BIRTHDAY: _birthday,
}
