"""A group as WeCom showed it becomes ours; what events told of its people is kept beside it.

Events come late, twice and in any order. What is told of a person has its own time, what WeCom
shows has the time at which it was asked; whichever is later stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from apps.core import clock
from apps.customer_groups.models import CustomerGroup, GroupMembership
from apps.customer_groups.services.erasure import nameless
from apps.members.models import MemberIdentity
from apps.members.selectors import find_identities
from apps.stores.models import Guide, Posting
from apps.wecom.shapes.groups import GroupDetail, GroupPerson

# WeCom's two clocks: an answer may still show what an event of the last seconds has ended
LAG = timedelta(seconds=10)
SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class Change:
    """What one look changed."""

    created: bool = False
    changed: bool = False
    joined: int = 0
    left: int = 0


# --- the group ------------------------------------------------------------------------------------


@transaction.atomic
def mirror_group(*, corp_id: str, detail: GroupDetail, read_at: datetime) -> Change:
    """Take over what WeCom showed at `read_at`; what is older than our own look is left."""
    change = Change()
    group = _locked(corp_id, detail.chat_id)
    if group is None:
        group, change.created = _open(corp_id, detail, read_at)
    if group.read_at is not None and group.read_at > read_at:
        return change
    if group.dismissed_at is not None and read_at < group.dismissed_at + LAG:
        return change
    _mirror_people(group, detail.people, read_at, change)
    owner, store_id = _place(corp_id, detail.owner, read_at)
    fields: dict[str, object] = {
        "name": detail.name[:200],
        "owner_userid": detail.owner,
        "owner_id": owner.pk if owner else None,
        "store_id": store_id,
        "people": len(detail.people),
        "customers": sum(person.is_customer for person in detail.people),
        "member_version": detail.version,
        "dismissed_at": None,
    }
    change.changed = any(getattr(group, name) != value for name, value in fields.items())
    CustomerGroup.objects.filter(pk=group.pk).update(read_at=read_at, **fields)
    return change


def _locked(corp_id: str, chat_id: str) -> CustomerGroup | None:
    return (
        CustomerGroup.objects.select_for_update().filter(corp_id=corp_id, chat_id=chat_id).first()
    )


def _open(corp_id: str, detail: GroupDetail, at: datetime) -> tuple[CustomerGroup, bool]:
    """The row, made by whoever comes first."""
    CustomerGroup.objects.bulk_create(
        [
            CustomerGroup(
                corp_id=corp_id,
                chat_id=detail.chat_id,
                owner_userid=detail.owner,
                opened_at=detail.created_at or at,
            )
        ],
        ignore_conflicts=True,
    )
    group = CustomerGroup.objects.select_for_update().get(corp_id=corp_id, chat_id=detail.chat_id)
    return group, group.read_at is None


def _place(corp_id: str, userid: str, at: datetime) -> tuple[Guide | None, int | None]:
    """The owner among our guides, and where they work that day, or worked last."""
    owner = Guide.objects.filter(corp_id=corp_id, wecom_userid=userid).first()
    if owner is None:
        return None, None
    mine = Posting.objects.filter(guide=owner)
    posting = mine.on(clock.business_day(at)).order_by("pk").first()
    posting = posting or mine.order_by("-during").first()
    return owner, posting.store_id if posting else None


@transaction.atomic
def dissolve(*, corp_id: str, chat_id: str, at: datetime) -> bool:
    """The group is no more; who was in it has left it then. False when that was known."""
    group = _locked(corp_id, chat_id)
    if group is None or group.dismissed_at is not None:
        return False
    ended = max(at, group.opened_at)
    GroupMembership.objects.filter(group=group, left_at=None).update(
        left_at=Greatest(Value(ended), F("joined_at"))
    )
    CustomerGroup.objects.filter(pk=group.pk).update(dismissed_at=ended, people=0, customers=0)
    return True


@transaction.atomic
def keep_standing(*, corp_id: str, standings: dict[str, int]) -> int:
    """What WeCom's list says of each group's owner."""
    changed = 0
    for standing in set(standings.values()):
        ids = [chat_id for chat_id, known in standings.items() if known == standing]
        changed += (
            CustomerGroup.objects.filter(corp_id=corp_id, chat_id__in=ids)
            .exclude(standing=standing)
            .update(standing=standing)
        )
    return changed


# --- its people -----------------------------------------------------------------------------------


def _mirror_people(
    group: CustomerGroup, people: Sequence[GroupPerson], read_at: datetime, change: Change
) -> None:
    listed = {person.ident: person for person in _without_names(group.corp_id, people)}
    here = {
        stay.wecom_id: stay for stay in GroupMembership.objects.filter(group=group, left_at=None)
    }
    over = [stay for ident, stay in here.items() if _is_over(stay, listed.get(ident), read_at)]
    for stay in over:
        again = listed.get(stay.wecom_id)
        stay.left_at = max(stay.joined_at, (again.joined_at if again else None) or read_at)
        del here[stay.wecom_id]
    GroupMembership.objects.bulk_update(over, ["left_at"])
    change.left = sum(stay.is_customer for stay in over)
    missing = [person for ident, person in listed.items() if ident not in here]
    begun = _begin(group, missing, read_at)
    change.joined = sum(stay.is_customer for stay in begun)


def _without_names(corp_id: str, people: Sequence[GroupPerson]) -> list[GroupPerson]:
    """Who asked to be deleted, and has not come to us again since, stays nobody."""
    customers = [person.ident for person in people if person.is_customer]
    instead = _nobodies(corp_id, customers)
    return [
        replace(person, ident=instead[person.ident]) if person.ident in instead else person
        for person in people
    ]


def _nobodies(corp_id: str, externals: Sequence[str]) -> dict[str, str]:
    instead = nameless(externals)
    back = _members(corp_id, list(instead)) if instead else {}
    return {ident: key for ident, key in instead.items() if ident not in back}


def _is_over(stay: GroupMembership, person: GroupPerson | None, read_at: datetime) -> bool:
    """Not listed any more, or listed with a later beginning: gone and back in between."""
    if person is None:
        return stay.joined_at <= read_at
    return person.joined_at is not None and person.joined_at > stay.joined_at + SECOND


def _begin(
    group: CustomerGroup, people: Sequence[GroupPerson], read_at: datetime
) -> list[GroupMembership]:
    """New stays; one that an event has ended already is not begun again."""
    closed: dict[str, list[GroupMembership]] = {}
    for stay in GroupMembership.objects.filter(
        group=group, wecom_id__in=[person.ident for person in people]
    ).exclude(left_at=None):
        closed.setdefault(stay.wecom_id, []).append(stay)
    members = _members(group.corp_id, [p.ident for p in people if p.is_customer])
    begun, back = [], []
    for person in people:
        since = person.joined_at or read_at
        known = _same_stay(closed.get(person.ident, ()), since)
        if known is None:
            begun.append(_stay(group, person, since, members))
        elif known.quit_scene is None:  # it only was not listed for a while
            known.left_at = None
            back.append(known)
    GroupMembership.objects.bulk_update(back, ["left_at"])
    return GroupMembership.objects.bulk_create(begun)


def _same_stay(stays: Iterable[GroupMembership], since: datetime) -> GroupMembership | None:
    return next((stay for stay in stays if abs(stay.joined_at - since) <= SECOND), None)


def _stay(
    group: CustomerGroup, person: GroupPerson, since: datetime, members: dict[str, int]
) -> GroupMembership:
    scenes = GroupMembership.JoinScene
    return GroupMembership(
        group=group,
        wecom_id=person.ident,
        is_customer=person.is_customer,
        member_id=members.get(person.ident),
        joined_at=since,
        join_scene=person.scene if person.scene in scenes.values else scenes.UNKNOWN,
        state=person.state[:30],
    )


def _members(corp_id: str, externals: Sequence[str]) -> dict[str, int]:
    """Customers whom we know, by their id in WeCom."""
    kind = MemberIdentity.Kind.EXTERNAL_USERID
    found = find_identities([(kind, corp_id, ident) for ident in externals])
    return {
        ident: found[kind, corp_id, ident].survivor_id
        for ident in externals
        if (kind, corp_id, ident) in found
    }


# --- what events told of people -------------------------------------------------------------------


@transaction.atomic
def note_people(
    *,
    corp_id: str,
    chat_id: str,
    joined: bool,
    idents: Sequence[str],
    at: datetime,
    scene: int,
) -> None:
    """An event named who came or went, and when. Safe to repeat and in any order.

    Nothing happens for a group we have not seen yet: what WeCom shows comes first.
    """
    group = _locked(corp_id, chat_id)
    if group is None:
        return
    nobodies = _nobodies(corp_id, idents)
    members = _members(corp_id, idents)
    staff = set(
        Guide.objects.filter(corp_id=corp_id, wecom_userid__in=idents).values_list(
            "wecom_userid", flat=True
        )
    )
    for told in idents:
        ident = nobodies.get(told, told)
        stays = list(
            GroupMembership.objects.filter(group=group, wecom_id=ident).order_by("joined_at", "pk")
        )
        blank = GroupMembership(
            group=group,
            wecom_id=ident,
            is_customer=ident not in staff,
            member_id=members.get(ident),
            joined_at=at,
            left_at=at,
        )
        if joined:
            _note_joined(stays, blank, at, scene)
        else:
            _note_left(stays, blank, at, scene)


def _note_joined(
    stays: list[GroupMembership], blank: GroupMembership, at: datetime, scene: int
) -> None:
    """Only what is over already can be news: who is there WeCom shows, with the very time."""
    if any(stay.joined_at <= at + SECOND and _lasted(stay, at) for stay in stays):
        return
    only_end = next((s for s in stays if s.left_at == s.joined_at and s.left_at > at), None)
    if only_end is not None:
        only_end.joined_at = at
        only_end.save(update_fields=["joined_at"])
        return
    later = next((stay.joined_at for stay in stays if stay.joined_at > at), None)
    blank.left_at = later or at
    blank.save()


def _lasted(stay: GroupMembership, at: datetime) -> bool:
    return stay.left_at is None or stay.left_at >= at or abs(stay.joined_at - at) <= SECOND


def _note_left(
    stays: list[GroupMembership], blank: GroupMembership, at: datetime, scene: int
) -> None:
    quit_scene = scene if scene in GroupMembership.QuitScene.values else None
    mine = [stay for stay in stays if stay.joined_at <= at]
    last = mine[-1] if mine else None
    if last is not None and (last.left_at is None or last.quit_scene is None):
        # it was there, or was seen to be gone without anybody saying how
        last.left_at, last.quit_scene = at, quit_scene
        last.save(update_fields=["left_at", "quit_scene"])
        return
    if last is not None and last.left_at is not None and last.left_at >= at - SECOND:
        return  # told before
    blank.quit_scene = quit_scene
    blank.save()
