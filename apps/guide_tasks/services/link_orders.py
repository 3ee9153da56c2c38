"""Orders that came by a tracked link: whose link it was and which push it belonged to."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.guide_tasks.models import GuideTask, LinkOrder, TaskPush, TaskTarget
from apps.guide_tasks.services import targets
from apps.outreach.models import TrackedLink

_TASK = "guide_task:"
_PUSH = "task_push:"


@transaction.atomic
def credit_links(*, codes: Mapping[int, str], now: datetime) -> set[int]:
    """Keep by which link each order came; returns the orders whose code is nobody's.

    Safe to repeat: an order has one link, and what its shop said last counts. Five queries at most.
    """
    links = {
        link.code: link
        for link in TrackedLink.objects.filter(code__in=set(codes.values())).select_related(
            "dispatch"
        )
    }
    pushes = _pushes_of({link.source for link in links.values()})
    found = [(order_id, links[code]) for order_id, code in sorted(codes.items()) if code in links]
    LinkOrder.objects.bulk_create(
        [
            LinkOrder(
                order_id=order_id,
                link=link,
                guide_id=link.dispatch.guide_id if link.dispatch else link.guide_id,
                push_id=pushes.get(link.source),
                told_at=now,
            )
            for order_id, link in found
        ],
        update_conflicts=True,
        unique_fields=["order"],
        update_fields=["link", "guide", "push"],
    )
    return codes.keys() - {order_id for order_id, _link in found}


def _pushes_of(sources: Collection[str]) -> dict[str, int]:
    """The pushes behind what the messages were sent for; a guide's own word has none."""
    ours: dict[str, QuerySet[Any]] = {
        targets.SOURCE: TaskTarget.objects.all(),
        _TASK: GuideTask.objects.all(),
    }
    found = {
        f"{prefix}{pk}": push_id
        for prefix, rows in ours.items()
        for pk, push_id in rows.filter(pk__in=list(_numbers(prefix, sources))).values_list(
            "pk", "push_id"
        )
    }
    sent = TaskPush.objects.filter(pk__in=list(_numbers(_PUSH, sources)))  # into groups
    return found | {f"{_PUSH}{pk}": pk for pk in sent.values_list("pk", flat=True)}


def _numbers(prefix: str, sources: Iterable[str]) -> Iterable[int]:
    for source in sources:
        number = source.removeprefix(prefix)
        if number != source and number.isdigit():
            yield int(number)
