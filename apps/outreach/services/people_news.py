"""Who is given customers, or works for somebody else, hears of it: what changes and why."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import hours
from apps.members.models import ServingPeriod
from apps.members.services import handing_over
from apps.outreach.services.notices import queue_guide_notices
from apps.stores import services as stores
from apps.stores.models import Cover, Guide, Store

CUSTOMERS_PATH = "/g/customers/"
TODAY_PATH = "/g/"


@transaction.atomic
def share_members(
    *,
    store: Store,
    member_ids: Collection[int],
    among: Collection[int],
    actor: Actor,
    now: datetime,
    gone: Guide | None = None,
) -> int:
    """Give members to these guides of the store and put a card on the phone of each who got some;
    `gone` is whose they were. Returns how many changed. Raises NobodyToServe."""
    changed = handing_over.share_members(
        store=store,
        member_ids=member_ids,
        among=among,
        reason=handing_over.HANDED_OVER if gone else handing_over.ASSIGNED,
        actor=actor,
        now=now,
    )
    if changed:
        _tell_given(store, among, gone, actor, now)
    return changed


def _tell_given(
    store: Store, among: Collection[int], gone: Guide | None, actor: Actor, now: datetime
) -> None:
    """What begins at this very moment was given by this act."""
    begun = ServingPeriod.objects.current().filter(store=store, guide_id__in=among, since=now)
    given = begun.order_by().values_list("guide_id").annotate(n=Count("pk"))
    body = _("They had no guide. Your manager gave them to you: say hello.")
    if gone is not None:
        words = _("They were with %(name)s, who does not work there any more.")
        body = words % {"name": gone.name}
    rows = [
        (guide_id, _("%(n)s customers are yours now") % {"n": n}, body, CUSTOMERS_PATH)
        for guide_id, n in given
        if guide_id != actor.guide_id
    ]
    source = f"customers_given:{store.pk}:{now.isoformat()}"
    queue_guide_notices(source=source, rows=rows, not_before=hours.for_cards(now), now=now)


@transaction.atomic
def start_cover(
    *,
    store: Store,
    absent: Guide,
    covering: Guide,
    first: date,
    last: date,
    actor: Actor,
    now: datetime,
) -> Cover:
    """代班, with a card for who covers. The same again is the same cover and no second card.

    Raises what `stores.services.start_cover` raises.
    """
    cover = stores.start_cover(
        store=store,
        absent=absent,
        covering=covering,
        first=first,
        last=last,
        actor=actor,
        now=now,
    )
    if covering.pk != actor.guide_id:
        days = {"name": absent.name, "a": f"{first:%m-%d}", "b": f"{max(first, last):%m-%d}"}
        body = _("%(name)s is away from %(a)s to %(b)s: what falls due then comes to you.") % days
        title = _("You work for %(name)s") % {"name": absent.name}
        queue_guide_notices(
            source=f"cover:{cover.pk}",
            rows=[(covering.pk, title, body, TODAY_PATH)],
            not_before=hours.for_cards(now),
            now=now,
        )
    return cover
