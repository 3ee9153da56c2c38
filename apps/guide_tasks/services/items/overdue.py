"""Store work that stays overdue is put before the managers, as customers' tasks are."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max
from django.utils.translation import gettext as _

from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.outreach import services as outreach
from apps.stores import selectors as stores

STORE_TASKS_PATH = "/g/team/tasks/"


@transaction.atomic
def escalate_items(*, now: datetime) -> int:
    """Tell the managers of a store once what of a push is overdue there for ESCALATE_AFTER_HOURS;
    the card itself remembers. A due time that was moved to another day begins anew. Returns how
    many cards are new. Safe to repeat."""
    late = (
        TaskItem.objects.filter(
            state__in=(State.OPEN, State.IN_PROGRESS),
            due_at__lt=now - timedelta(hours=settings.ESCALATE_AFTER_HOURS),
            push__status=TaskPush.Status.HANDED_OUT,
        )
        .order_by()
        .values_list("push_id", "store_id")
        .annotate(due=Max("due_at"), n=Count("pk"))
    )
    by_push: dict[int, list[tuple[int, datetime, int]]] = defaultdict(list)
    for push_id, store_id, due, n in late:
        by_push[push_id].append((store_id, due, n))
    if not by_push:
        return 0
    managers = stores.managers_of(
        store_ids={store for rows in by_push.values() for store, _due, _n in rows},
        day=clock.business_day(now),
    )
    pushes = TaskPush.objects.in_bulk(by_push)
    cards = []
    for push_id, rows in by_push.items():
        for store_id, due, n in rows:
            cards += _cards(pushes[push_id], store_id, due, n, managers[store_id], now)
    return outreach.queue_cards(cards=cards)


def _cards(
    push: TaskPush, store_id: int, due: datetime, n: int, managers: list[int], now: datetime
) -> list[outreach.GuideCard]:
    day = clock.business_day(due).isoformat()
    words = _("Tasks of the store that are overdue: %(n)s. Have a look at the store's tasks.")
    return [
        outreach.GuideCard(
            guide_id=guide_id,
            source=f"{push.source}:overdue_items:{store_id}:{day}",
            title=_("Overdue: %(title)s") % {"title": push.title},
            body=words % {"n": n},
            path=STORE_TASKS_PATH,
            not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
        )
        for guide_id in managers
    ]
