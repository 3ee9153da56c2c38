"""Friendships begin and end: WeCom's events about them, read as sets of one corp in which each
customer stands once.

Events come late, twice and in any order: what counts is the time each one carries. `FollowNews`
keeps the latest begin and end per pair, so that an end that comes first is not forgotten.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef

from apps.contact_codes import services as contact_codes
from apps.core import clock, prepared
from apps.core.errors import DomainError
from apps.guide_tasks.services import rules
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.stores.models import Guide, Posting
from apps.wecom.shapes import Contact, ContactDetail, Follow
from apps.wecom_sync.handlers import NOT_LIVE, Happened
from apps.wecom_sync.models import FollowNews
from apps.wecom_sync.services.contacts import members_of_contacts
from apps.wecom_sync.services.tags import Shown, take_tags
from apps.wecom_sync.services.tags.book import tag_book

EndedBy = FollowRelation.EndedBy

LOOKS_FOR_FRIEND = 4  # a fresh friendship may not be listed for a while
ADDED = frozenset({"add_external_contact", "add_half_external_contact"})
BEGINS = ADDED | {"edit_external_contact"}
ENDS = frozenset({"del_external_contact", "del_follow_user"})
FRIEND_EVENTS = frozenset(("change_external_contact", change) for change in BEGINS | ENDS)

Pair = tuple[int, str]


class NotListedYet(DomainError):
    """WeCom told of a friend and does not show them yet: look again later."""

    code = "not_listed_yet"


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of a guide of ours, and the customer as WeCom knows them now: None when nobody of
    the corp follows them, or when it is not asked (an end says it all)."""

    row_id: int
    event: Happened
    guide: Guide
    detail: ContactDetail | None

    @property
    def pair(self) -> Pair:
        return self.guide.pk, self.event.external_userid

    @property
    def begins(self) -> bool:
        """A friend was added, or something about one was edited."""
        return self.event.change in BEGINS

    @property
    def follow(self) -> Follow | None:
        follows = self.detail.follows if self.detail else ()
        return next((follow for follow in follows if follow.userid == self.event.userid), None)


def guides_of(
    *, corp_id: str, userids: Collection[str], now: datetime
) -> dict[str, tuple[Guide | None, str]]:
    """Whose friends they are; or nobody, and why their events are none of our business."""
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=OuterRef("pk"))
    guides = Guide.objects.filter(corp_id=corp_id, wecom_userid__in=userids)
    known = guides.annotate(waits=Exists(here.filter(store__live_since=None)))
    found: dict[str, tuple[Guide | None, str]] = {
        # the comparison with WeCom brings it when head office switches the store on
        guide.wecom_userid: (None, NOT_LIVE) if guide.waits else (guide, "")
        for guide in known
    }
    return {userid: found.get(userid, (None, "guide not known")) for userid in userids}


def take(*, corp_id: str, heard: Sequence[Heard], now: datetime) -> dict[int, str]:
    """Tell the rooms below, in the caller's transaction; by row why there was nothing to do, or "".

    Raises NotListedYet when one of the friends is not shown: that one is looked for again.
    """
    news = _keep_news(heard)
    ended = [one for one in heard if not one.begins]
    _end(corp_id, ended, news)
    begun = [one for one in heard if one.begins]
    return {one.row_id: "" for one in ended} | _begin(corp_id, begun, news, now)


# --- a friendship begins -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Begin:
    """A beginning that is told or shown; `over` says that its end is known already."""

    heard: Heard
    follow: Follow | None
    news: FollowNews
    over: bool

    @property
    def state(self) -> str:
        return ((self.follow.state if self.follow else "") or self.heard.event.state)[:64]


def _begin(
    corp_id: str, heard: Iterable[Heard], news: Mapping[Pair, FollowNews], now: datetime
) -> dict[int, str]:
    begins, notes = [], {}
    for one in heard:
        follow, said = one.follow, news[one.pair]
        over = said.ended_at is not None and not _begins_again(one.event, said, follow)
        notes[one.row_id] = ""
        if follow is not None or over:
            begins.append(_Begin(one, follow, said, over))
        elif one.event.attempt < LOOKS_FOR_FRIEND:
            raise NotListedYet()
        else:
            notes[one.row_id] = "not a friend any more"
    if begins:
        begun = _start(corp_id, begins, now)
        contact_codes.customer_came(relations=list(begun.values()), now=now)
        _end_those_over(corp_id, begins, begun)
        _take_shown_tags(corp_id, begins)
        _greet(begins, begun, now)
    return notes


def _begins_again(event: Happened, news: FollowNews, follow: Follow | None) -> bool:
    """Is there a beginning after the latest end? In one second WeCom's list decides, where it can:
    it still shows a guide whom the customer deleted."""
    told = [news.added_at, follow.created_at if follow else None]
    begun = max((moment for moment in told if moment is not None), default=event.at)
    if news.ended_at is None or begun == news.ended_at:
        return follow is not None and news.ended_by != EndedBy.CUSTOMER
    return begun > news.ended_at


def _since(begin: _Begin) -> datetime:
    event, news = begin.heard.event, begin.news
    since = (begin.follow.created_at if begin.follow else None) or event.at
    if not begin.over and news.ended_at is not None and since < news.ended_at:
        # the friend came back and WeCom kept the old date
        return max(news.added_at or event.at, news.ended_at)
    return since


def _start(corp_id: str, begins: Sequence[_Begin], now: datetime) -> dict[Pair, FollowRelation]:
    """Whose member each customer is, and the friendships that are new to us."""
    found = members_of_contacts(
        corp_id=corp_id,
        contacts=[_contact(begin.heard) for begin in begins],
        now=now,
        states={begin.heard.event.external_userid: begin.state for begin in begins},
    )
    rows = [
        members.FollowRow(
            corp_id=corp_id,
            guide_id=begin.heard.guide.pk,
            member_id=found[begin.heard.event.external_userid],
            external_userid=begin.heard.event.external_userid,
            since=_since(begin),
            state=begin.state,
            add_way=begin.follow.add_way if begin.follow else 0,
        )
        for begin in begins
    ]
    begun = members.start_follows(rows=rows, now=None)
    return {(one.guide_id, one.external_userid): one for one in begun}


def _contact(heard: Heard) -> Contact:
    """Somebody who was a friend and is gone before we could look has only an id left."""
    if heard.detail is not None:
        return heard.detail.contact
    ident = heard.event.external_userid
    return Contact(external_userid=ident, name="", unionid="", gender=0, type=1)


def _end_those_over(
    corp_id: str, begins: Iterable[_Begin], begun: Mapping[Pair, FollowRelation]
) -> None:
    """Their ends were told before their beginnings."""
    members.end_told(
        ends=[
            members.FollowEnd(
                corp_id,
                *begin.heard.pair,
                at=max(begin.news.ended_at, relation.since),
                ended_by=begin.news.ended_by,
            )
            for begin in begins
            if begin.over and begin.news.ended_at is not None
            if (relation := begun.get(begin.heard.pair)) is not None
        ]
    )


def _greet(begins: Iterable[_Begin], begun: Mapping[Pair, FollowRelation], now: datetime) -> None:
    """At the end: everybody who greets waits for one another until the transaction is over."""
    fresh = [
        begun[begin.heard.pair].pk
        for begin in begins
        if begin.heard.event.change in ADDED and not begin.over and begin.heard.pair in begun
    ]
    if fresh:
        rules.greet_new_friends(follow_ids=fresh, now=now)


def _take_shown_tags(corp_id: str, begins: Iterable[_Begin]) -> None:
    """The events' look shows the tags as they are now."""
    book = tag_book(corp_id)
    follows = {begin.heard.pair: begin.follow for begin in begins if begin.follow is not None}
    if not follows or not book.tag_of:
        return
    read_at = min(begin.heard.event.looked_at for begin in begins)
    standing = FollowRelation.objects.current().filter(
        corp_id=corp_id,
        external_userid__in={external for _guide, external in follows},
        guide__in={guide for guide, _external in follows},
    )
    shown = [
        Shown(relation, follow.tag_ids)
        for relation in standing
        if (follow := follows.get((relation.guide_id, relation.external_userid))) is not None
    ]
    take_tags(corp_id=corp_id, shown=shown, read_at=read_at, now=read_at, book=book)


# --- a friendship ends ---------------------------------------------------------------------------


def _ended_by(event: Happened) -> str:
    if event.change == "del_follow_user":
        return EndedBy.CUSTOMER
    return EndedBy.TRANSFER if event.by_transfer else EndedBy.GUIDE


def _end(corp_id: str, heard: Iterable[Heard], news: Mapping[Pair, FollowNews]) -> None:
    told = {one.pair: one.event for one in heard}
    ended = members.end_told(
        ends=[
            members.FollowEnd(corp_id, *pair, at=event.at, ended_by=_ended_by(event))
            for pair, event in told.items()
        ]
    )
    # these ends are old news: the friend came back before we heard of them
    members.start_follows(
        rows=[
            members.FollowRow(
                corp_id=corp_id,
                guide_id=relation.guide_id,
                member_id=relation.member_id,
                external_userid=relation.external_userid,
                since=back,
                state=relation.state,
                add_way=relation.add_way,
            )
            for relation in ended
            for pair in [(relation.guide_id, relation.external_userid)]
            if (back := news[pair].added_at) is not None and back > told[pair].at
        ],
        now=None,
    )


# --- news ----------------------------------------------------------------------------------------

_COLUMNS = [one.attname for one in FollowNews._meta.concrete_fields]
_NEWS = """
INSERT INTO wecom_sync_follownews AS news
    (corp_id, userid, external_userid, added_at, ended_at, ended_by)
SELECT corp_id, userid, external_userid, added_at, ended_at, ended_by
FROM json_to_recordset(%s::json) AS told (
    corp_id text, userid text, external_userid text, added_at timestamptz, ended_at timestamptz,
    ended_by text
)
ORDER BY corp_id, userid, external_userid
ON CONFLICT (corp_id, userid, external_userid) DO UPDATE SET
    added_at = greatest(news.added_at, excluded.added_at),
    ended_by = CASE WHEN news.ended_at IS NULL OR excluded.ended_at >= news.ended_at
        THEN coalesce(nullif(excluded.ended_by, ''), news.ended_by) ELSE news.ended_by END,
    ended_at = greatest(news.ended_at, excluded.ended_at)
RETURNING {columns}
""".format(columns=", ".join(_COLUMNS))


def _keep_news(heard: Iterable[Heard]) -> dict[Pair, FollowNews]:
    """Keep what these events say about their pairs; the rows stay locked until they are closed."""
    guides = {one.event.userid: one.guide.pk for one in heard}
    rows = prepared.as_rows(
        {
            "corp_id": one.event.corp_id,
            "userid": one.event.userid,
            "external_userid": one.event.external_userid,
            "added_at": one.event.at if one.event.change in ADDED else None,
            "ended_at": None if one.begins else one.event.at,
            "ended_by": "" if one.begins else _ended_by(one.event),
        }
        for one in heard
    )
    found = prepared.read(_NEWS, [rows])
    kept = [FollowNews.from_db(connection.alias, _COLUMNS, row) for row in found]
    return {(guides[one.userid], one.external_userid): one for one in kept}
