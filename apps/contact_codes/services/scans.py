"""Opens of a code's page, without knowing who."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.contact_codes.models import ChannelCode, CodeScan
from apps.core import clock, pii
from apps.core.bites import delete_in_bites

KEEP_DAYS = 90  # figures look back a month


@transaction.atomic
def record_scan(*, code: ChannelCode, visitor: str, now: datetime) -> bool:
    """Count an open, once for each visitor and day; false when it was counted already.

    `visitor` (address and browser) is hashed with the day and the pepper, and kept nowhere.
    """
    day = clock.business_day(now)
    key = pii.value_key("scan", f"{code.pk}:{day}", visitor)[:12]
    _scan, made = CodeScan.objects.get_or_create(
        code=code, day=day, visitor=key, defaults={"at": now}
    )
    return made


def forget_old_scans(*, now: datetime) -> int:
    """Delete opens older than KEEP_DAYS; returns how many went."""
    before = clock.business_day(now) - timedelta(days=KEEP_DAYS)
    return delete_in_bites(CodeScan.objects.filter(day__lt=before))
