"""What WeCom shows on friends, taken over or put back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.accounts.actor import SYSTEM
from apps.members.models import FollowRelation
from apps.tagging import services as tagging
from apps.tagging.models import TagChange, Winner
from apps.wecom_sync.models import FollowTags, TagWord
from apps.wecom_sync.services.tags.book import TagBook, carried, tag_book

# guides share WeCom's claim on a tag: it stands while any of them shows it
SOURCE = "wecom"
Side, Outcome = TagWord.Side, TagWord.Outcome
_COLUMNS = ["there", "read_at", "due_at", "error", "attempts"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A friendship and the corp tags WeCom shows on it."""

    relation: FollowRelation
    wecom_ids: tuple[str, ...]


class _Taking:
    """The changes of one call, gathered before anything is written."""

    def __init__(self, corp_id: str, book: TagBook, now: datetime) -> None:
        self.corp_id, self.book, self.now = corp_id, book, now
        self.put_on: dict[int, set[int]] = defaultdict(set)
        self.taken_off: dict[int, set[int]] = defaultdict(set)
        self.words: list[TagWord] = []

    def change(self, relation: FollowRelation, member_id: int, tag: int, *, added: bool) -> None:
        overruled = self.book.winner_of[tag] == Winner.HQ
        if not overruled:
            (self.put_on if added else self.taken_off)[tag].add(member_id)
        self.words.append(
            TagWord(
                at=self.now,
                corp_id=self.corp_id,
                member_id=member_id,
                guide_id=relation.guide_id,
                tag_id=tag,
                side=Side.WECOM,
                added=added,
                outcome=Outcome.OVERRULED if overruled else Outcome.TAKEN,
            )
        )


@transaction.atomic
def take_tags(
    *,
    corp_id: str,
    shown: Sequence[Shown],
    read_at: datetime,
    now: datetime,
    book: TagBook | None = None,
) -> int:
    """Take over what guides changed in WeCom, or put it back, as the group says; return how many
    changes there were. What was read before the last look is old news and changes nothing.
    """
    book = book or tag_book(corp_id)
    if not shown or not book.tag_of:
        return 0
    rows = _rows(corp_id, shown, read_at)
    members = _survivors(one.relation for one in shown)
    taking = _Taking(corp_id, book, now)
    for one in shown:
        row = rows.get(one.relation.pk)
        if row is None:
            continue
        theirs, before = book.here(one.wecom_ids), set(row.there) & book.winner_of.keys()
        member_id = members[one.relation.pk]
        for tag in sorted(before - theirs):
            taking.change(one.relation, member_id, tag, added=False)
        for tag in sorted(theirs - before):
            taking.change(one.relation, member_id, tag, added=True)
        row.there, row.read_at = sorted(theirs), read_at
    FollowTags.objects.bulk_update(rows.values(), ["there", "read_at"], batch_size=1000)
    _claim(taking)
    _ask_to_send(rows, members, book, now)
    TagWord.objects.bulk_create(taking.words, batch_size=1000)
    return len(taking.words)


def _rows(corp_id: str, shown: Sequence[Shown], read_at: datetime) -> dict[int, FollowTags]:
    """A locked row for each friendship whose look is news; those without tags get none."""
    ids = [one.relation.pk for one in shown]
    known = set(FollowTags.objects.filter(pk__in=ids).values_list("pk", flat=True))
    carrying = carried(one.relation.member_id for one in shown)
    FollowTags.objects.bulk_create(
        [
            FollowTags(relation_id=one.relation.pk, corp_id=corp_id)
            for one in shown
            if one.relation.pk not in known
            and (one.wecom_ids or carrying.get(one.relation.member_id))
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    rows = FollowTags.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows if row.read_at is None or row.read_at < read_at}


def _survivors(relations: Iterable[FollowRelation]) -> dict[int, int]:
    ids = [relation.pk for relation in relations]
    found = FollowRelation.objects.filter(pk__in=ids).values_list("pk", "member__survivor_id")
    return dict(found)


def _claim(taking: _Taking) -> None:
    put_on = [
        tagging.Claimed(member, tag, SOURCE)
        for tag, members in taking.put_on.items()
        for member in members
    ]
    if put_on:
        tagging.apply_each(claims=put_on, claim=TagChange.Claim.WECOM, actor=SYSTEM, at=taking.now)
    for tag, members in sorted(taking.taken_off.items()):
        gone = members - _still_shown(tag, members)
        if taking.book.winner_of[tag] == Winner.WECOM:
            tagging.drop_tags(
                member_ids=gone, tag_id=tag, source=SOURCE, actor=SYSTEM, at=taking.now
            )
            continue
        tagging.remove_tags(
            member_ids=gone,
            tag_ids=[tag],
            claim=TagChange.Claim.WECOM,
            source=SOURCE,
            actor=SYSTEM,
            at=taking.now,
        )


def _still_shown(tag: int, member_ids: set[int]) -> set[int]:
    """Members on whom another guide shows the tag."""
    rows = FollowTags.objects.filter(
        relation__member__survivor_id__in=member_ids, relation__until=None, there__contains=[tag]
    )
    return set(rows.values_list("relation__member__survivor_id", flat=True))


def _ask_to_send(
    rows: dict[int, FollowTags], members: dict[int, int], book: TagBook, now: datetime
) -> None:
    """Where ours and WeCom's are not the same now, a worker sends the difference."""
    sent = book.sent
    ours = carried(members[pk] for pk in rows)
    waiting = [
        pk
        for pk, row in rows.items()
        if ours.get(members[pk], set()) & sent != set(row.there) & sent
    ]
    FollowTags.objects.filter(pk__in=waiting).update(due_at=now, attempts=0, error="")
