"""What follows when somebody comes by a code: counted once, and tagged."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from apps.accounts.actor import SYSTEM
from apps.contact_codes.models import STATE_MARK, ChannelCode
from apps.contact_codes.services.duty import refresh_duty
from apps.members.models import FollowRelation, Member
from apps.tagging import services as tagging
from apps.tagging.models import Tag, TagChange

# once for each friendship, whoever tells of it and how often
_COUNT = """
INSERT INTO contact_codes_codeadd (code_id, follow_id, member_id, guide_id, at, is_new)
SELECT code.id, follow.id, follow.member_id, follow.guide_id, follow.since,
    NOT EXISTS (
        SELECT 1 FROM members_followrelation AS before
        WHERE before.corp_id = follow.corp_id AND before.external_userid = follow.external_userid
            AND before.since < follow.since
    )
FROM members_followrelation AS follow
JOIN contact_codes_channelcode AS code
    ON code.state = follow.state AND code.corp_id = follow.corp_id
WHERE follow.id = ANY(%s)
ORDER BY follow.id
ON CONFLICT (follow_id) DO NOTHING
RETURNING code_id, member_id
"""


@transaction.atomic
def customer_came(*, relations: Sequence[FollowRelation], now: datetime) -> int:
    """Count the friendships that began by one of our codes and claim the codes' tags; return how
    many are new to us. Safe to repeat, in one transaction with the friendship itself."""
    ids = [one.pk for one in relations if one.state.startswith(STATE_MARK)]
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [ids])
        counted = cursor.fetchall()
    came: dict[int, list[int]] = defaultdict(list)
    for code_id, member_id in counted:
        came[code_id].append(member_id)
    _tag(came, now)
    limited = ChannelCode.objects.running().filter(pk__in=came, daily_limit__isnull=False)
    full = list(limited.values_list("pk", flat=True))
    if full:  # somebody's number for today may be reached
        refresh_duty(now=now, code_ids=full)
    return len(counted)


def _tag(came: dict[int, list[int]], now: datetime) -> None:
    wanted: dict[int, list[int]] = defaultdict(list)
    through = ChannelCode.tags.through.objects.filter(channelcode_id__in=came)
    in_use = Tag.objects.filter(retired_at=None).values("pk")
    for code_id, tag_id in through.filter(tag__in=in_use).values_list("channelcode_id", "tag_id"):
        wanted[code_id].append(tag_id)
    if not wanted:
        return
    rows = Member.objects.filter(pk__in={pk for code in wanted for pk in came[code]})
    survivors = dict(rows.values_list("pk", "survivor_id"))
    tagging.apply_each(
        claims=[
            tagging.Claimed(survivors[pk], tag_id, f"contact_code:{code_id}")
            for code_id, tag_ids in wanted.items()
            for pk in came[code_id]
            for tag_id in tag_ids
        ],
        claim=TagChange.Claim.RULE,
        actor=SYSTEM,
        at=now,
    )
