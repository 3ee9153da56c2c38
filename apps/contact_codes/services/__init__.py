"""Writes about codes, by subject; what other rooms use is named here."""

from apps.contact_codes.services.codes import (
    Batch,
    Shift,
    Wanted,
    change_code,
    create_code,
    make_store_codes,
    stop_code,
    tell_again,
)
from apps.contact_codes.services.coming import customer_came
from apps.contact_codes.services.corps import corp_of
from apps.contact_codes.services.duty import refresh_duty
from apps.contact_codes.services.links import hear_of_links, read_links
from apps.contact_codes.services.pushing import push_codes
from apps.contact_codes.services.scans import forget_old_scans, record_scan
from apps.contact_codes.services.successors import point_to_successor

__all__ = [
    "Batch",
    "Shift",
    "Wanted",
    "change_code",
    "corp_of",
    "create_code",
    "customer_came",
    "forget_old_scans",
    "hear_of_links",
    "make_store_codes",
    "point_to_successor",
    "push_codes",
    "read_links",
    "record_scan",
    "refresh_duty",
    "stop_code",
    "tell_again",
]
