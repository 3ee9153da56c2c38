"""Everything that is to happen outside, box by box: how much waits, since when, what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Count, F, Min, Model, Q
from django.urls import reverse
from django.utils.functional import Promise

# what went wrong is looked for among so many of a box's latest rows: the rest is history
LATEST = 10_000
_BROKEN = ("failed", "refused", "cannot", "unknown")


@dataclass(frozen=True, slots=True)
class Box:
    """`label` names the model: the customers' pages have a box of their own, and they stand beside
    head office's. `waiting` are the states a worker takes rows from; none where a row waits by its
    moment alone."""

    label: str
    waiting: Sequence[str] = ("queued",)
    when: str = "not_before"
    page: str = ""

    @property
    def model(self) -> type[Model]:
        return apps.get_model(self.label)


@dataclass(frozen=True, slots=True)
class BoxRow:
    """`due` could go now, the longest waiting since `oldest`; `later` have their moment to come."""

    title: str | Promise
    due: int
    later: int
    oldest: datetime | None
    failed: int
    unknown: int
    href: str


BOXES = (
    Box(
        "outreach.Dispatch",
        ("planned", "held", "leased"),
        page="admin:outreach_dispatch_changelist",
    ),
    Box("outreach.SendReminder"),
    Box("customer_groups.GroupSend", page="hq:groups"),
    Box("customer_groups.GroupSendReminder"),
    Box("outreach.MomentPost", page="hq:unknown_sends"),
    Box("outreach.Welcome", page="admin:outreach_welcome_changelist"),
    Box("outreach.SmsMessage", page="admin:outreach_smsmessage_changelist"),
    Box("outreach.GuideNotice", page="admin:outreach_guidenotice_changelist"),
    Box("outreach.ButtonAnswer", page="admin:outreach_buttonanswer_changelist"),
    Box("contact_codes.ChannelCode", (), "due_at", "hq:codes"),
    Box("member_portal.ContactCode", ("wanted",)),
    Box("customer_groups.GroupCode", ("queued", "removing"), page="hq:group_codes"),
    Box(
        "customer_groups.GroupWelcome", ("queued", "changing", "removing"), page="hq:group_welcomes"
    ),
    Box("wecom_sync.FollowTags", (), "due_at", "hq:sync"),
    Box("handovers.HandoverCall", ("queued", "asked", "unknown"), "due_at", "hq:handovers"),
    Box("handovers.HandoverGroup", ("queued", "unknown", "waiting"), "due_at", "hq:handovers"),
)


def box_rows(*, now: datetime) -> list[BoxRow]:
    """Every box, two queries each, however many rows there are."""
    return [_row(box, now) for box in BOXES]


def _row(box: Box, now: datetime) -> BoxRow:
    rows: Any = box.model._default_manager.order_by()
    waits = rows.filter(state__in=box.waiting) if box.waiting else rows
    ready = Q(**{f"{box.when}__lte": now})
    found = waits.exclude(**{box.when: None}).aggregate(
        due=Count("pk", filter=ready),
        later=Count("pk", filter=~ready),
        oldest=Min(F(box.when), filter=ready),
    )
    broken = _broken(box, rows)
    return BoxRow(
        title=box.model._meta.verbose_name_plural or "",
        **found,
        failed=sum(number for state, number in broken.items() if state != "unknown"),
        unknown=broken.get("unknown", 0),
        href=reverse(box.page) if box.page else "",
    )


def _broken(box: Box, rows: Any) -> dict[str, int]:
    name = _state_of(box.model)
    if not name:
        return {}
    latest = rows.order_by("-pk").values("pk")[:LATEST]
    found = rows.filter(pk__in=latest, **{f"{name}__in": _BROKEN})
    return dict(found.values_list(name).annotate(n=Count("pk")))


def _state_of(model: type[Model]) -> str:
    """The field of a box's own states: a channel code's `state` is WeCom's word."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    return next((one for one in ("status", "state") if one in fields and fields[one].choices), "")
