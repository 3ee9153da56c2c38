"""Event type → function. Each event is read again from WeCom by id, then told to the rooms below.

`look` asks WeCom and may take its time; `apply` runs in the transaction that also closes the event.
Events come late, twice and in any order: what counts is the time each one carries. `FollowNews`
keeps the latest begin and end per pair, so that an end that comes first is not forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from apps.contact_codes import services as contact_codes
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.wake import wake
from apps.guide_tasks.services import rules
from apps.handovers import services as handovers
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.stores.models import Guide, Posting
from apps.wecom.client import NO_RELATION, WeComClient
from apps.wecom.errors import Refused
from apps.wecom.models import RawCallback
from apps.wecom.shapes import Contact, ContactDetail, Follow
from apps.wecom_sync.models import FollowNews
from apps.wecom_sync.services.contacts import members_of_contacts
from apps.wecom_sync.services.tags import Shown, take_tags

EndedBy = FollowRelation.EndedBy

LOOKS_FOR_FRIEND = 4  # a fresh friendship may not be listed for a while


class NotListedYet(DomainError):
    """WeCom told of a friend and does not show them yet: look again later."""

    code = "not_listed_yet"


@dataclass(frozen=True, slots=True)
class Happened:
    """One change of a friendship or a group, in our words. `attempt` counts from 1."""

    corp_id: str
    change: str
    userid: str
    external_userid: str
    state: str
    at: datetime
    by_transfer: bool
    attempt: int
    looked_at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handler:
    """`apply` takes what `look` found, and returns why there was nothing to do, or ""."""

    look: Callable[[WeComClient, Happened], Any]
    apply: Callable[[Happened, Any, datetime], str]


def happened(row: RawCallback) -> Happened:
    """The event's words of interest."""
    fields = row.fields
    return Happened(
        corp_id=row.endpoint.corp.corp_id,
        change=row.change_type,
        userid=str(fields.get("UserID") or ""),
        external_userid=str(fields.get("ExternalUserID") or ""),
        state=str(fields.get("State") or "")[:64],
        at=row.created_by_wecom_at or row.received_at,
        by_transfer=fields.get("Source") == "DELETE_BY_TRANSFER",
        attempt=row.attempts,
        looked_at=clock.now(),
        fields=row.fields,
    )


# --- looking -------------------------------------------------------------------------------------


def _look(client: WeComClient, event: Happened) -> ContactDetail | None:
    """The contact as WeCom knows it now; None when nobody of the corp follows them."""
    try:
        return client.get_contact(event.external_userid)
    except Refused as error:
        if error.errcode != NO_RELATION:
            raise
        return None


def _no_look(client: WeComClient, event: Happened) -> ContactDetail | None:
    return None


# --- a friendship begins -------------------------------------------------------------------------


NOT_LIVE = "store not live yet"


def _guide(event: Happened, now: datetime) -> tuple[Guide | None, str]:
    """Whose friend it is; or nobody, and why the event is none of our business."""
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=OuterRef("pk"))
    guide = (
        Guide.objects.filter(corp_id=event.corp_id, wecom_userid=event.userid)
        .annotate(waits=Exists(here.filter(store__live_since=None)))
        .first()
    )
    if guide is None:
        return None, "guide not known"
    # the comparison with WeCom brings it when head office switches the store on
    return (None, NOT_LIVE) if guide.waits else (guide, "")


def _follow_in(detail: ContactDetail | None, event: Happened) -> Follow | None:
    follows = detail.follows if detail else ()
    return next((follow for follow in follows if follow.userid == event.userid), None)


def _listed(event: Happened, detail: ContactDetail | None, now: datetime) -> str:
    """A friend was added, or something about one was edited."""
    guide, nothing_because = _guide(event, now)
    if guide is None:
        return nothing_because
    added = event.change != "edit_external_contact"
    news = _keep_news(event, added=added)
    follow = _follow_in(detail, event)
    over = news.ended_at is not None and not _begins_again(event, news, follow)
    if follow is None and not over:
        if event.attempt < LOOKS_FOR_FRIEND:
            raise NotListedYet()
        return "not a friend any more"
    answer = _begin(event, guide, news, detail, follow, over=over, greet=added, now=now)
    _take_shown_tags(event, guide, follow)
    return answer


def _begins_again(event: Happened, news: FollowNews, follow: Follow | None) -> bool:
    """Is there a beginning after the latest end? In one second WeCom's list decides, where it can:
    it still shows a guide whom the customer deleted."""
    told = [news.added_at, follow.created_at if follow else None]
    begun = max((moment for moment in told if moment is not None), default=event.at)
    if news.ended_at is None or begun == news.ended_at:
        return follow is not None and news.ended_by != EndedBy.CUSTOMER
    return begun > news.ended_at


def _since(event: Happened, news: FollowNews, follow: Follow | None, over: bool) -> datetime:
    since = (follow.created_at if follow else None) or event.at
    if not over and news.ended_at is not None and since < news.ended_at:
        # the friend came back and WeCom kept the old date
        return max(news.added_at or event.at, news.ended_at)
    return since


def _begin(
    event: Happened,
    guide: Guide,
    news: FollowNews,
    detail: ContactDetail | None,
    follow: Follow | None,
    *,
    over: bool,
    greet: bool,
    now: datetime,
) -> str:
    contact = detail.contact if detail else _stranger(event)
    state = (follow.state if follow else "") or event.state
    found = members_of_contacts(
        corp_id=event.corp_id,
        contacts=[contact],
        now=now,
        states={event.external_userid: state},
    )
    relation = members.start_follow(
        corp_id=event.corp_id,
        guide_id=guide.pk,
        member_id=found[event.external_userid],
        external_userid=event.external_userid,
        since=_since(event, news, follow, over),
        state=state,
        add_way=follow.add_way if follow else 0,
    )
    if relation is None:
        return ""
    contact_codes.customer_came(relations=[relation], now=now)
    if over and news.ended_at is not None:
        members.end_follow(
            corp_id=event.corp_id,
            guide_id=guide.pk,
            external_userid=event.external_userid,
            at=max(news.ended_at, relation.since),
            ended_by=news.ended_by,
        )
    elif greet:
        rules.greet_new_friends(follow_ids=[relation.pk], now=now)
    return ""


def _take_shown_tags(event: Happened, guide: Guide, follow: Follow | None) -> None:
    """The event's look shows the tags as they are now."""
    if follow is None:
        return
    standing = FollowRelation.objects.current().filter(
        corp_id=event.corp_id, guide=guide, external_userid=event.external_userid
    )
    take_tags(
        corp_id=event.corp_id,
        shown=[Shown(relation, follow.tag_ids) for relation in standing],
        read_at=event.looked_at,
        now=event.looked_at,
    )


def _stranger(event: Happened) -> Contact:
    """Somebody who was a friend and is gone before we could look: only the id is left."""
    return Contact(external_userid=event.external_userid, name="", unionid="", gender=0, type=1)


# --- the list of tags ----------------------------------------------------------------------------


def _tags_changed(event: Happened, detail: ContactDetail | None, now: datetime) -> str:
    """A tag was made, renamed, deleted or moved: the whole list is read anew, in its own job."""
    wake("wecom_sync.compare", corp_id=event.corp_id, kind="tags")
    return ""


# --- a friendship ends ---------------------------------------------------------------------------


def _ended_by(event: Happened) -> str:
    if event.change == "del_follow_user":
        return EndedBy.CUSTOMER
    return EndedBy.TRANSFER if event.by_transfer else EndedBy.GUIDE


def _ended(event: Happened, detail: ContactDetail | None, now: datetime) -> str:
    guide, nothing_because = _guide(event, now)
    if guide is None:
        return nothing_because
    news = _keep_news(event, added=False, ended_by=_ended_by(event))
    relation = members.end_follow(
        corp_id=event.corp_id,
        guide_id=guide.pk,
        external_userid=event.external_userid,
        at=event.at,
        ended_by=_ended_by(event),
    )
    if relation is not None and news.added_at is not None and news.added_at > event.at:
        # this end is old news: the friend came back before we heard of it
        members.start_follow(
            corp_id=event.corp_id,
            guide_id=guide.pk,
            member_id=relation.member_id,
            external_userid=event.external_userid,
            since=news.added_at,
            state=relation.state,
            add_way=relation.add_way,
        )
    return ""


def _transfer_failed(event: Happened, detail: ContactDetail | None, now: datetime) -> str:
    """Nothing changed: the customer stays with whoever had them. Why, WeCom's own list tells."""
    heard = handovers.hear_of_failure(
        corp_id=event.corp_id,
        userid=event.userid,
        external_userid=event.external_userid,
        now=now,
    )
    return "" if heard else "transfer did not happen"


def _of_links(event: Happened, detail: ContactDetail | None, now: datetime) -> str:
    """Acquisition links: the quota is another one, or a link does not work any more."""
    ours = contact_codes.hear_of_links(
        corp_id=event.corp_id,
        change=event.change,
        link_id=str(event.fields.get("LinkId") or ""),
        now=now,
    )
    return "" if ours else "link not ours"


# --- news ----------------------------------------------------------------------------------------

_NEWS = """
INSERT INTO wecom_sync_follownews AS news
    (corp_id, userid, external_userid, added_at, ended_at, ended_by)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (corp_id, userid, external_userid) DO UPDATE SET
    added_at = greatest(news.added_at, excluded.added_at),
    ended_by = CASE WHEN news.ended_at IS NULL OR excluded.ended_at >= news.ended_at
        THEN coalesce(nullif(excluded.ended_by, ''), news.ended_by) ELSE news.ended_by END,
    ended_at = greatest(news.ended_at, excluded.ended_at)
RETURNING id
"""


def _keep_news(event: Happened, *, added: bool, ended_by: str = "") -> FollowNews:
    """Keep what this event says about the pair; the row stays locked until the event is closed."""
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWS,
            [
                event.corp_id,
                event.userid,
                event.external_userid,
                event.at if added else None,
                event.at if ended_by else None,
                ended_by,
            ],
        )
        (news_id,) = cursor.fetchone()
    return FollowNews.objects.get(pk=news_id)


_BEGINS, _ENDS = Handler(_look, _listed), Handler(_no_look, _ended)

HANDLERS: dict[tuple[str, str], Handler] = {
    ("change_external_contact", "add_external_contact"): _BEGINS,
    ("change_external_contact", "add_half_external_contact"): _BEGINS,
    ("change_external_contact", "edit_external_contact"): _BEGINS,
    ("change_external_contact", "del_external_contact"): _ENDS,
    ("change_external_contact", "del_follow_user"): _ENDS,
    ("change_external_contact", "transfer_fail"): Handler(_no_look, _transfer_failed),
    **{
        ("change_external_tag", change): Handler(_no_look, _tags_changed)
        for change in ("create", "update", "delete", "shuffle")
    },
    **{
        ("customer_acquisition", change): Handler(_no_look, _of_links)
        for change in (
            "balance_low",
            "balance_exhausted",
            "balance_increased",
            "quota_expire_soon",
            "link_unavailable",
            "delete_link",
        )
    },
}
