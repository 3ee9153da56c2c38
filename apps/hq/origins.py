"""Where a push came from: head office, a region, a store, or a rule."""

from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Substr
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.guide_tasks.models import TaskPush
from apps.stores.models import Guide

WORDS: dict[str, str | Promise] = {
    "hq": pgettext_lazy("origin", "Head office"),
    "region": pgettext_lazy("origin", "Region"),
    "store": pgettext_lazy("origin", "Store"),
    "rule": pgettext_lazy("origin", "Rule"),
}
_USER, _GUIDE = "user:", "guide:"


def with_origin(rows: QuerySet[TaskPush]) -> QuerySet[Any]:
    """Each push with its `origin`, a key of WORDS. People count by the role they have today."""
    user, guide = Q(created_by__startswith=_USER), Q(created_by__startswith=_GUIDE)
    return rows.annotate(
        author_role=Case(
            When(user, then=_role(User.objects.all(), _USER, "role")),
            When(guide, then=_role(Guide.objects.all(), _GUIDE, "user__role")),
            default=Value(""),
            output_field=CharField(),
        ),
        origin=Case(
            When(rule__isnull=False, then=Value("rule")),
            When(author_role=Role.REGION_MANAGER, then=Value("region")),
            When(author_role=Role.STORE_MANAGER, then=Value("store")),
            When(guide, then=Value("store")),
            default=Value("hq"),
            output_field=CharField(),
        ),
    )


def _role(people: QuerySet, mark: str, column: str) -> Subquery:
    """The role behind a label such as user:7."""
    number = Cast(Substr(OuterRef("created_by"), len(mark) + 1), BigIntegerField())
    return Subquery(people.filter(pk=number).values(column)[:1])
