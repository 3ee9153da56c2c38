"""A large share of 不适用 as the manager's approvals show it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal.cards import Person, percent
from apps.guide_tasks.models import ExcuseReason
from apps.guide_tasks.services import excuse_share


@dataclass(frozen=True, slots=True)
class ExcusesRow:
    """One guide's task with many 不适用: how many, why, and the three rates."""

    pk: int
    person: Person
    title: str
    words: str
    reasons: str
    rates: str
    may_return: bool


def excuse_rows(*, actor: Actor, now: datetime) -> list[ExcusesRow]:
    return [_excuses_row(row) for row in excuse_share.shares_to_decide(actor=actor, now=now)]


def _excuses_row(row: excuse_share.ExcusedShare) -> ExcusesRow:
    guide, due = row.task.guide, row.issued - row.excused
    reasons = [
        _("%(reason)s %(n)s") % {"reason": ExcuseReason(code).label, "n": number}
        for code, number in sorted(row.reasons.items(), key=lambda pair: -pair[1])
    ]
    return ExcusesRow(
        pk=row.task.pk,
        person=Person(pk=guide.pk, public_id=None, name=guide.name),
        title=row.task.push.title,
        words=_("%(n)s of %(all)s customers are not applicable")
        % {"n": row.excused, "all": row.issued},
        reasons="，".join(reasons),
        rates=_("Completion rate %(rate)s, %(raw)s with the not applicable counted in")
        % {
            "rate": percent(row.done / due if due else None),
            "raw": percent(row.done / row.issued),
        },
        may_return=row.may_return,
    )
