"""What customers did under guides' posts, for the pages of the push: by store, by guide."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Max, Sum

from apps.accounts.actor import Actor
from apps.core.querysets import keys_sql
from apps.guide_tasks.models import TaskItem, TaskPush
from apps.outreach.models import MomentReading


@dataclass(frozen=True, slots=True)
class MomentFigures:
    """Posts that were published, whom they are shown to, what came. `read_at`: the last reading."""

    name: str
    posts: int
    customers: int
    likes: int
    comments: int
    read_at: datetime | None


_BY_STORE = """
SELECT store.name, count(*), sum(reading.customers), sum(reading.likes), sum(reading.comments),
    max(reading.read_at)
FROM outreach_momentreading AS reading
JOIN outreach_momentpost AS post ON post.id = reading.post_id AND post.source = %s
JOIN guide_tasks_taskitem AS item ON item.guide_id = reading.guide_id AND item.id IN ({items})
JOIN stores_store AS store ON store.id = item.store_id
GROUP BY store.id ORDER BY sum(reading.likes) + sum(reading.comments) DESC, store.name
"""


def moment_results(*, push: TaskPush, actor: Actor) -> list[MomentFigures]:
    """Store by store, the most answered first, as far as the actor may see; one query."""
    which, params = keys_sql(TaskItem.objects.visible_to(actor).filter(push=push))
    with connection.cursor() as cursor:
        cursor.execute(_BY_STORE.format(items=which), [push.source, *params])
        return [MomentFigures(*row) for row in cursor.fetchall()]


def moment_total(rows: Collection[MomentFigures]) -> MomentFigures:
    """All stores together."""
    return MomentFigures(
        name="",
        posts=sum(row.posts for row in rows),
        customers=sum(row.customers for row in rows),
        likes=sum(row.likes for row in rows),
        comments=sum(row.comments for row in rows),
        read_at=max((row.read_at for row in rows if row.read_at), default=None),
    )


def moment_answers(items: Collection[TaskItem]) -> dict[int, MomentFigures]:
    """Of each moments item whose post was read; one query, none without such items."""
    keys = {
        (item.push.source, item.guide_id): item.pk
        for item in items
        if item.push.kind == TaskPush.Kind.MOMENTS and item.guide_id is not None
    }
    if not keys:
        return {}
    found = (
        MomentReading.objects.filter(
            post__source__in={source for source, _guide in keys},
            guide_id__in={guide for _source, guide in keys},
            read_at__isnull=False,
        )
        .order_by()
        .values_list("post__source", "guide_id")
        .annotate(
            n=Sum("customers"), likes=Sum("likes"), comments=Sum("comments"), at=Max("read_at")
        )
    )
    return {
        keys[source, guide]: MomentFigures("", 1, n, likes, comments, at)
        for source, guide, n, likes, comments, at in found
        if (source, guide) in keys
    }
