"""Customer groups as a mirror of WeCom would hold them."""

import itertools

from apps.customer_groups.models import CustomerGroup

_numbers = itertools.count(1)


def make_group(owner, store, now, **fields):
    number = next(_numbers)
    defaults = {
        "corp_id": owner.corp_id,
        "chat_id": f"wrGroup{number:06d}",
        "name": f"内购群 {number}",
        "owner_userid": owner.wecom_userid,
        "owner": owner,
        "store": store,
        "people": 3,
        "customers": 2,
        "opened_at": now,
    }
    return CustomerGroup.objects.create(**{**defaults, **fields})
