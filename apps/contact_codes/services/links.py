"""What WeCom says about acquisition links: the quota, opens, links that stopped working."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from apps.contact_codes import errors
from apps.contact_codes.models import ChannelCode, LinkQuota
from apps.contact_codes.services.healing import JUST_MADE, remake
from apps.core.wake import wake
from apps.wecom.client import WeComClient
from apps.wecom.errors import WeComError
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

READ_JOB = "contact_codes.read_links"
DAYS = timedelta(days=30)
# events after which the quota is another one
OF_QUOTA = frozenset({"balance_low", "balance_exhausted", "balance_increased", "quota_expire_soon"})

Status = ChannelCode.Status


def read_links(*, now: datetime) -> int:
    """Read the quota and what each running link brought; links gone in WeCom are made again.

    Returns how many links were read. A corp without links is not asked: it may not have the right.
    """
    running = ChannelCode.objects.running().filter(medium=ChannelCode.Medium.LINK)
    run, read = Round(now), 0
    for corp_id in running.order_by("corp_id").values_list("corp_id", flat=True).distinct():
        links = list(running.filter(corp_id=corp_id).exclude(config_id=""))
        try:
            read += _read(run.client(corp_id), corp_id, links, now)
        except WeComError as error:  # the other corps go on; the next round asks again
            log.warning("links_not_read", error=error.code, errcode=error.errcode)
    return read


def _read(client: WeComClient, corp_id: str, links: Sequence[ChannelCode], now: datetime) -> int:
    quota = client.acquisition_quota()
    LinkQuota.objects.update_or_create(
        corp_id=corp_id,
        defaults={
            "total": quota.total,
            "balance": quota.balance,
            "next_expiry": quota.next_expiry,
            "read_at": now,
        },
    )
    listed = set(client.list_links())
    told = [link for link in links if link.pushed_at and link.pushed_at < now - JUST_MADE]
    remake(codes=[link for link in told if link.config_id not in listed], now=now)
    there = [link for link in links if link.config_id in listed]
    for link in there:
        found = client.link_statistic(link_id=link.config_id, start=now - DAYS, end=now)
        ChannelCode.objects.filter(pk=link.pk).update(clicks=found.clicks)
    return len(there)


@transaction.atomic
def hear_of_links(*, corp_id: str, change: str, link_id: str, now: datetime) -> bool:
    """An event of WeCom's about a link or the quota; False for a link that is none of ours.

    Safe to repeat, in any order: quota and list are read again, never taken from the event.
    """
    if change in OF_QUOTA:
        wake(READ_JOB)
        return True
    ours = ChannelCode.objects.running().filter(
        corp_id=corp_id, medium=ChannelCode.Medium.LINK, config_id=link_id
    )
    found = list(ours.select_for_update()) if link_id else []
    if change == "delete_link":
        remake(codes=found, now=now)
    elif found:
        # "mended" tells WeCom its people again; till then a person looks at it
        ours.update(
            status=Status.FAILED,
            pushed_users=[],
            errcode=errors.BROKEN,
            reason=errors.explained(errors.BROKEN, link=True),
        )
    return bool(found)
