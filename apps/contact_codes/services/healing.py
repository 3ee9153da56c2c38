"""What the comparison with WeCom finds out about codes."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from apps.contact_codes import errors
from apps.contact_codes.models import ChannelCode
from apps.contact_codes.services.duty import PUSH_JOB
from apps.core.wake import wake

# a code made while the list was being read is no missing one
JUST_MADE = timedelta(minutes=5)

Status = ChannelCode.Status
Medium = ChannelCode.Medium


def oldest_in_wecom(*, corp_id: str) -> datetime | None:
    """When the first code that we believe to be in WeCom was wanted; None without any."""
    ours = ChannelCode.objects.filter(corp_id=corp_id, medium=Medium.CODE).exclude(config_id="")
    return ours.order_by("created_at").values_list("created_at", flat=True).first()


def not_listed(
    *, corp_id: str, listed: Collection[str], first: datetime, now: datetime
) -> list[ChannelCode]:
    """Ours, running, told some time ago and not on WeCom's list."""
    ours = ChannelCode.objects.running().filter(
        corp_id=corp_id, medium=Medium.CODE, created_at__gte=first
    )
    told = ours.filter(pushed_at__lt=now - JUST_MADE, call_started_at=None).exclude(config_id="")
    return [code for code in told if code.config_id not in listed]


def doubles_among(*, corp_id: str, listed: Collection[str]) -> tuple[list[str], set[str]]:
    """Listed ids that are none of ours, and the states of codes whose id we do know."""
    ours = ChannelCode.objects.filter(corp_id=corp_id).exclude(config_id="")
    known = dict(ours.values_list("config_id", "state"))
    return sorted(set(listed) - known.keys()), set(known.values())


@transaction.atomic
def remake(*, codes: Sequence[ChannelCode], now: datetime) -> int:
    """What is gone in WeCom is made again; posters stay valid. Safe to repeat.

    All of one medium.
    """
    if not codes:
        return 0
    gone = ChannelCode.objects.filter(
        pk__in=[code.pk for code in codes],
        config_id__in=[code.config_id for code in codes],
        stopped_at=None,
    )
    made = gone.update(
        config_id="",
        address="",
        pushed_users=[],
        status=Status.WANTED,
        errcode=errors.GONE,
        reason=errors.explained(errors.GONE, link=codes[0].is_link),
        due_at=now,
    )
    if made:
        wake(PUSH_JOB)
    return made
