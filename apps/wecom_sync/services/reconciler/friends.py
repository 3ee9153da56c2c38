"""Friendships: a hundred guides' lists are read together and held against what we keep.

WeCom gives a hundred friends at a time; a few of its pages make one transaction. What is listed no
more ends when all pages of its chunk have been seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from apps.contact_codes import services as contact_codes
from apps.core import clock
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.stores.models import Guide
from apps.wecom.client import WeComClient
from apps.wecom.errors import Refused
from apps.wecom.shapes import Contact, Follow
from apps.wecom_sync.errors import FriendsVanished
from apps.wecom_sync.models import FollowNews
from apps.wecom_sync.services.contacts import members_of_contacts
from apps.wecom_sync.services.reconciler.staff import taking_part
from apps.wecom_sync.services.reconciler.walk import Walk
from apps.wecom_sync.services.tags import Shown, take_tags
from apps.wecom_sync.services.tags.book import tag_book

GUIDES_PER_CALL = 100
FRIENDS_PER_TRANSACTION = 1_000
# so many friendships of a chunk do not end on one night
MANY_FRIENDS = 200
# about one member of the call: not visible, not serving customers, not there any more
OF_ONE_MEMBER = frozenset({40003, 40031, 60011, 60111, 84074, 84083, 84084})

EndedBy = FollowRelation.EndedBy
Pair = tuple[int, str]
Listed = Mapping[Pair, tuple[Contact, Follow]]
Page = Sequence[tuple[Contact, Follow]]


@dataclass
class _Chunk:
    """Up to a hundred guides whose lists are read together, and every friend seen on them."""

    guides: dict[str, Guide]
    read_at: datetime
    seen: set[Pair] = field(default_factory=set)

    @property
    def last(self) -> str:
        return str(max(guide.pk for guide in self.guides.values()))


def compare(walk: Walk) -> None:
    """Friendships as WeCom lists them: new ones begin, those not listed any more end."""
    for chunk in _chunks(walk):
        _compare(walk, chunk)


def _chunks(walk: Walk) -> Iterator[_Chunk]:
    """Our guides who may have customers; the others keep what we know of them."""
    allowed = set(walk.client.list_follow_userids())
    guides = Guide.objects.active().filter(corp_id=walk.corp.corp_id, wecom_userid__in=allowed)
    waiting = taking_part(guides, walk.now).filter(pk__gt=int(walk.position or 0))
    known = list(waiting.only("pk", "wecom_userid", "corp_id", "name").order_by("pk"))
    walk.run.parts = walk.run.parts_done + len(known)
    for start in range(0, len(known), GUIDES_PER_CALL):
        part = known[start : start + GUIDES_PER_CALL]
        yield _Chunk({guide.wecom_userid: guide for guide in part}, clock.now())


def _compare(walk: Walk, chunk: _Chunk) -> None:
    try:
        for page in _ahead(_pages(walk.client, list(chunk.guides))):
            with walk.chunk():
                _mirror_page(walk, chunk, page)
    except Refused as error:
        if error.errcode not in OF_ONE_MEMBER:
            raise
        _apart(walk, chunk, error)
    else:
        with walk.chunk(position=chunk.last, parts=len(chunk.guides)):
            _end_missing(walk, chunk)


def _apart(walk: Walk, chunk: _Chunk, error: Refused) -> None:
    """WeCom refuses the whole call because of one of its members: the others are read without."""
    guides = list(chunk.guides.items())
    if len(guides) == 1:
        walk.example("refused", userid=guides[0][0], errcode=error.errcode)
        with walk.chunk(position=chunk.last, parts=1):
            return
    half = len(guides) // 2
    for part in (guides[:half], guides[half:]):
        _compare(walk, _Chunk(dict(part), clock.now()))


def _pages(client: WeComClient, userids: list[str]) -> Iterator[Page]:
    cursor = ""
    gathered: list[tuple[Contact, Follow]] = []
    while True:
        page = client.list_contacts_of(userids, cursor)
        gathered += page.items
        cursor = page.next_cursor
        if gathered and (not cursor or len(gathered) >= FRIENDS_PER_TRANSACTION):
            yield gathered
            gathered = []
        if not cursor:
            return


def _ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """The next page is read while this one is written: WeCom takes as long as the database. The
    reader asks WeCom alone, never the database."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, pages, None)
        while page := coming.result():
            coming = reader.submit(next, pages, None)
            yield page


def _mirror_page(walk: Walk, chunk: _Chunk, page: Page) -> None:
    listed: dict[Pair, tuple[Contact, Follow]] = {
        (chunk.guides[follow.userid].pk, contact.external_userid): (contact, follow)
        for contact, follow in page
        if follow.userid in chunk.guides
    }
    walk.count(seen=len(listed.keys() - chunk.seen))
    chunk.seen |= listed.keys()
    known = _known(walk, chunk, listed)
    missing = _to_begin(walk, chunk, listed, known)
    walk.count(missing_here=len(missing))
    _tell(walk, chunk, "new_friends", [guide_id for guide_id, _external in missing])
    if missing and not walk.dry:
        walk.count(healed=_begin(walk, listed, missing))
    _correct_states(walk, listed, known)
    if not walk.dry:
        _take_tags(walk, chunk, listed)


def _take_tags(walk: Walk, chunk: _Chunk, listed: Listed) -> None:
    """What guides changed on these friends in WeCom, and what of ours is not there yet."""
    book = tag_book(walk.corp.corp_id)
    if not book.tag_of:
        return
    standing = FollowRelation.objects.current().filter(
        corp_id=walk.corp.corp_id,
        external_userid__in=[external for _guide, external in listed],
        guide__in=[guide.pk for guide in chunk.guides.values()],
    )
    shown = [
        Shown(relation, listed[relation.guide_id, relation.external_userid][1].tag_ids)
        for relation in standing
        if (relation.guide_id, relation.external_userid) in listed
    ]
    changes = take_tags(
        corp_id=walk.corp.corp_id, shown=shown, read_at=chunk.read_at, now=walk.now, book=book
    )
    walk.count(differing=changes, healed=changes)


def _tell(walk: Walk, chunk: _Chunk, what: str, guide_ids: Sequence[int]) -> None:
    """Of a dry run: whose customers, and how many; not which."""
    if not walk.dry:
        return
    for guide in chunk.guides.values():
        number = guide_ids.count(guide.pk)
        if number:
            walk.example(what, userid=guide.wecom_userid, name=guide.name, number=number)


def _known(walk: Walk, chunk: _Chunk, listed: Listed) -> dict[Pair, FollowRelation]:
    """The latest friendship we keep of each pair."""
    relations = FollowRelation.objects.filter(
        corp_id=walk.corp.corp_id,
        external_userid__in=[external for _guide, external in listed],
        guide__in=[guide.pk for guide in chunk.guides.values()],
    )
    return {(one.guide_id, one.external_userid): one for one in relations.order_by("since")}


def _begin(walk: Walk, listed: Listed, missing: Mapping[Pair, datetime]) -> int:
    corp_id = walk.corp.corp_id
    found = members_of_contacts(
        corp_id=corp_id,
        contacts=[listed[pair][0] for pair in missing],
        now=walk.now,
        states={external: listed[guide, external][1].state for guide, external in missing},
    )
    rows = [
        members.FollowRow(
            corp_id=corp_id,
            guide_id=guide_id,
            member_id=found[external_userid],
            external_userid=external_userid,
            since=since,
            state=listed[guide_id, external_userid][1].state[:64],
            add_way=listed[guide_id, external_userid][1].add_way,
        )
        for (guide_id, external_userid), since in missing.items()
        if external_userid in found
    ]
    begun = members.start_follows(rows=rows, now=walk.now)
    contact_codes.customer_came(relations=begun, now=walk.now)
    return len(begun)


def _to_begin(
    walk: Walk, chunk: _Chunk, listed: Listed, known: Mapping[Pair, FollowRelation]
) -> dict[Pair, datetime]:
    """Listed friendships that we do not have, with the moment they began."""
    unknown = [pair for pair in listed if (last := known.get(pair)) is None or last.until]
    if not unknown:
        return {}
    ended = _told_ends(walk, chunk, [external for _guide, external in unknown])
    missing = {}
    for pair in unknown:
        since = listed[pair][1].created_at or walk.now
        last = known.get(pair)
        if pair in ended and ended[pair] >= since:
            continue  # the customer deleted the guide; WeCom lists that one-sided friend on
        if last is not None and last.until is not None and last.until > since:
            if last.ended_by != EndedBy.RECONCILED:
                continue
            since = walk.now  # we ended it because it was not listed; it is listed again
        missing[pair] = since
    return missing


def _told_ends(walk: Walk, chunk: _Chunk, external_userids: Sequence[str]) -> dict[Pair, datetime]:
    news = FollowNews.objects.filter(
        corp_id=walk.corp.corp_id, external_userid__in=external_userids, ended_at__isnull=False
    )
    return {
        (chunk.guides[row.userid].pk, row.external_userid): row.ended_at
        for row in news
        if row.userid in chunk.guides
        and row.ended_at is not None
        and not (row.added_at and row.added_at > row.ended_at)
    }


def _correct_states(walk: Walk, listed: Listed, known: Mapping[Pair, FollowRelation]) -> None:
    """By which code they came: an event may have come without it."""
    states = {
        relation.pk: follow.state[:64]
        for pair, (_contact, follow) in listed.items()
        if (relation := known.get(pair)) is not None
        and relation.until is None
        and follow.state
        and relation.state != follow.state[:64]
    }
    walk.count(differing=len(states))
    if states and not walk.dry:
        walk.count(healed=members.correct_states(states=states))


def _end_missing(walk: Walk, chunk: _Chunk) -> None:
    """Friendships of these guides that WeCom lists no more, but for those begun since the run."""
    standing = FollowRelation.objects.current().filter(
        corp_id=walk.corp.corp_id,
        guide__in=list(chunk.guides.values()),
        since__lt=walk.now,
    )
    rows = list(standing.values_list("pk", "guide_id", "external_userid"))
    gone = [
        (pk, guide_id)
        for pk, guide_id, external_userid in rows
        if (guide_id, external_userid) not in chunk.seen
    ]
    if not chunk.seen and len(rows) >= MANY_FRIENDS:
        raise FriendsVanished()
    walk.count(missing_there=len(gone))
    _tell(walk, chunk, "ended_friends", [guide_id for _pk, guide_id in gone])
    if gone and not walk.dry:
        ids = [pk for pk, _guide_id in gone]
        walk.count(
            healed=members.end_follows(relation_ids=ids, at=walk.now, ended_by=EndedBy.RECONCILED)
        )
