"""Customer groups: a hundred owners' lists, then each group by its id, held against what we keep.

WeCom's list says nothing of names and people, so every listed group is read. One of ours that is
not listed any more has another owner or is dissolved: its id tells which.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.core import clock
from apps.customer_groups import services as rooms
from apps.customer_groups.models import CustomerGroup
from apps.stores.models import Guide
from apps.wecom.errors import Refused
from apps.wecom.shapes.groups import GroupDetail, GroupListing
from apps.wecom_sync.errors import GroupsVanished
from apps.wecom_sync.services.reconciler.friends import OF_ONE_MEMBER
from apps.wecom_sync.services.reconciler.staff import taking_part
from apps.wecom_sync.services.reconciler.walk import Walk

OWNERS_PER_CALL = 100
# so many groups of a hundred owners are not dissolved in one night
MANY_GROUPS = 20


@dataclass(frozen=True, slots=True)
class _Look:
    chat_id: str
    detail: GroupDetail | None
    at: datetime


def compare(walk: Walk) -> None:
    """Groups as WeCom shows them: new ones come in, changed ones follow, dissolved ones end."""
    for owners in _chunks(walk):
        _compare(walk, owners)


def _chunks(walk: Walk) -> Iterator[list[Guide]]:
    allowed = set(walk.client.list_follow_userids())
    guides = Guide.objects.active().filter(corp_id=walk.corp.corp_id, wecom_userid__in=allowed)
    waiting = taking_part(guides, walk.now).filter(pk__gt=int(walk.position or 0))
    known = list(waiting.only("pk", "wecom_userid").order_by("pk"))
    walk.run.parts = walk.run.parts_done + len(known)
    for start in range(0, len(known), OWNERS_PER_CALL):
        yield known[start : start + OWNERS_PER_CALL]


def _compare(walk: Walk, owners: Sequence[Guide]) -> None:
    try:
        listed = walk.client.list_groups(owners=[guide.wecom_userid for guide in owners])
    except Refused as error:
        if error.errcode not in OF_ONE_MEMBER:
            raise
        _apart(walk, owners, error)
        return
    ours = {
        group.chat_id: group
        for group in CustomerGroup.objects.living().filter(
            corp_id=walk.corp.corp_id, owner__in=owners
        )
    }
    looks = _look(walk, listed, ours)
    with walk.chunk(position=str(max(guide.pk for guide in owners)), parts=len(owners)):
        for look in looks:
            _hold_against(walk, look, ours.get(look.chat_id))
        if not walk.dry:
            rooms.keep_standing(
                corp_id=walk.corp.corp_id, standings={row.chat_id: row.status for row in listed}
            )


def _apart(walk: Walk, owners: Sequence[Guide], error: Refused) -> None:
    """WeCom refuses the whole call because of one of its members: the others are read without."""
    if len(owners) == 1:
        walk.example("refused", userid=owners[0].wecom_userid, errcode=error.errcode)
        with walk.chunk(position=str(owners[0].pk), parts=1):
            return
    half = len(owners) // 2
    for part in (owners[:half], owners[half:]):
        _compare(walk, part)


def _look(
    walk: Walk, listed: Sequence[GroupListing], ours: dict[str, CustomerGroup]
) -> list[_Look]:
    """Read each group, outside any transaction."""
    wanted = dict.fromkeys([row.chat_id for row in listed]) | dict.fromkeys(ours)
    looks = []
    for chat_id in wanted:
        at = clock.now()
        looks.append(_Look(chat_id, walk.client.get_group(chat_id), at))
    gone = sum(look.detail is None for look in looks)
    if gone > MANY_GROUPS and gone * 2 > len(ours):
        raise GroupsVanished()
    return looks


def _hold_against(walk: Walk, look: _Look, ours: CustomerGroup | None) -> None:
    corp_id = walk.corp.corp_id
    if look.detail is None:
        walk.count(missing_there=1)
        walk.example("group_gone", chat_id=look.chat_id)
        if not walk.dry:
            gone = rooms.dissolve(corp_id=corp_id, chat_id=look.chat_id, at=look.at)
            walk.count(healed=int(gone))
        return
    new = ours is None
    differs = ours is not None and _differs(ours, look.detail)
    walk.count(seen=1, missing_here=int(new), differing=int(differs))
    if new or differs:
        walk.example("group_new" if new else "group_changed", chat_id=look.chat_id)
    if not walk.dry:
        rooms.mirror_group(corp_id=corp_id, detail=look.detail, read_at=look.at)
        walk.count(healed=int(new or differs))


def _differs(group: CustomerGroup, detail: GroupDetail) -> bool:
    kept = (group.name, group.owner_userid, group.member_version)
    return kept != (detail.name[:200], detail.owner, detail.version)
