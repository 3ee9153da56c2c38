"""What needs a person, as a number beside a menu entry; nothing when nobody is needed."""

from django.core.cache import cache
from django.http import HttpRequest

from apps.accounts.requests import actor_of
from apps.core import clock
from apps.customer_groups.models import GroupSend
from apps.guide_tasks.models import TaskTarget
from apps.outreach.models import Dispatch, MomentPost
from apps.wecom.selectors import inbox_health

SECONDS = 20


def pushes(request: HttpRequest) -> str:
    """Pushes with overdue work in the actor's scope."""
    actor = actor_of(request)

    def count() -> int:
        late = TaskTarget.objects.visible_to(actor).overdue(clock.now())
        return late.values("push_id").distinct().count()

    found = cache.get_or_set(f"hq:badge:pushes:{actor.label}", count, SECONDS)
    return str(found) if found else ""


def wecom(request: HttpRequest) -> str:
    """Given-up callbacks and sends with unknown outcome."""

    def count() -> int:
        kinds = (Dispatch.objects, MomentPost.objects, GroupSend.objects)
        return inbox_health().dead + sum(rows.unknown().count() for rows in kinds)

    found = cache.get_or_set("hq:badge:wecom", count, SECONDS)
    return str(found) if found else ""
