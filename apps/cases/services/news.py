"""Cards to managers and guides about complaints: kinds and times, never a customer's name."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.cases.models import Holder, ServiceCase
from apps.core import clock
from apps.core.hours import for_cards
from apps.outreach import services as outreach
from apps.outreach.services.notices import GuideCard, queue_cards
from apps.stores.selectors import managers_of

# one transaction tells of so many
PART = 500


def opened(cases: Sequence[ServiceCase], *, by_guide: int | None, now: datetime) -> None:
    """To the stores' managers, but not to the one who wrote it down."""
    _to_managers(cases, _("A customer complains"), "opened", now=now, but=by_guide)


def reopened(case: ServiceCase, *, by_guide: int | None, now: datetime) -> None:
    what = f"reopened:{now:%Y%m%d%H%M%S}"
    _to_managers([case], _("A complaint is open again"), what, now=now, but=by_guide)


def closed(case: ServiceCase, *, by_guide: int | None, now: datetime) -> None:
    """To who serves TA and to who wrote it down; whoever closed it knows."""
    kind, _colon, number = case.opened_by.partition(":")
    wrote = {int(number)} if kind == "guide" else set()
    served = {case.guide_id} if case.guide_id else set()
    _tell(
        case,
        (wrote | served) - {by_guide},
        _("A complaint is closed"),
        _("%(kind)s: %(result)s")
        % {"kind": case.get_kind_display(), "result": case.get_result_display()},
        f"closed:{now:%Y%m%d%H%M%S}",
        now=now,
    )


def tell_late(*, now: datetime) -> int:
    """Put what is past its time before the store's managers, once for each time; returns how many.
    What head office has in hand is left out: it stands on its own list."""
    told = 0
    while part := _tell_part(now):
        told += part
    return told


@transaction.atomic
def _tell_part(now: datetime) -> int:
    late = ServiceCase.objects.undecided().filter(
        due_at__lt=now, late_told_at=None, holder=Holder.STORE
    )
    cases = list(
        late.select_for_update(of=("self",), skip_locked=True).order_by("due_at", "pk")[:PART]
    )
    _to_managers(cases, _("A complaint is past its time"), "late", now=now)
    ServiceCase.objects.filter(pk__in=[case.pk for case in cases]).update(late_told_at=now)
    return len(cases)


def _to_managers(
    cases: Sequence[ServiceCase],
    title: str,
    what: str,
    *,
    now: datetime,
    but: int | None = None,
) -> None:
    leads = managers_of(store_ids={case.store_id for case in cases}, day=clock.business_day(now))
    queue_cards(
        cards=[
            GuideCard(
                guide_id=guide_id,
                source=f"{case.label}:{what}:{case.due_at:%Y%m%d%H%M%S}",
                title=title,
                body=_("%(kind)s, to be closed by %(time)s")
                % {"kind": case.get_kind_display(), "time": _time(case.due_at)},
                path=reverse("guide_portal:case", args=[case.pk]),
                not_before=for_cards(now),
            )
            for case in cases
            for guide_id in leads[case.store_id]
            if guide_id != but
        ]
    )


def _tell(
    case: ServiceCase, guide_ids: Iterable[int], title: str, words: str, what: str, *, now: datetime
) -> None:
    path = reverse("guide_portal:case", args=[case.pk])
    outreach.queue_guide_notices(
        source=f"{case.label}:{what}",
        rows=[(guide_id, title, words, path) for guide_id in sorted(guide_ids)],
        not_before=for_cards(now),
        now=now,
    )


def _time(moment: datetime) -> str:
    local = moment.astimezone(clock.chain_tz())
    return f"{local.month}-{local.day} {local:%H:%M}"
