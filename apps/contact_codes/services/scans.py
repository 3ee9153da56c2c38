"""Opens of a code's page, without knowing who."""

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction

from apps.contact_codes.models import ChannelCode, CodeScan
from apps.core import clock, pii
from apps.core.bites import delete_in_bites

KEEP_DAYS = 90  # figures look back a month
# a whole mall may share an address; a script that changes its browser's name is more than that
AN_HOUR_FROM_ONE_ADDRESS = 1_000
_HOUR = 3_600


@transaction.atomic
def record_scan(*, code: ChannelCode, address: str, browser: str, now: datetime) -> bool:
    """Count an open, once for each visitor and day; false when it was counted already, or when too
    many came from the one address this hour.

    Address and browser are hashed with the day and the pepper, and kept nowhere.
    """
    day = clock.business_day(now)
    if _too_many(pii.value_key("scan", str(day), address).hex()):
        return False
    key = pii.value_key("scan", f"{code.pk}:{day}", f"{address}|{browser}")[:12]
    _scan, made = CodeScan.objects.get_or_create(
        code=code, day=day, visitor=key, defaults={"at": now}
    )
    return made


def _too_many(address: str) -> bool:
    counted = f"contact_codes:scans:{address}"
    cache.add(counted, 0, _HOUR)
    try:
        return cache.incr(counted) > AN_HOUR_FROM_ONE_ADDRESS
    except ValueError:  # the hour ended between the two
        return False


def forget_old_scans(*, now: datetime) -> int:
    """Delete opens older than KEEP_DAYS; returns how many went."""
    before = clock.business_day(now) - timedelta(days=KEEP_DAYS)
    return delete_in_bites(CodeScan.objects.filter(day__lt=before))
