"""The mirror: what WeCom lists is compared with what we keep, page by page, and differences are
healed.

Callbacks alone are not reliable. A page is one transaction; a run holds a lease and can be repeated
at any time. What callbacks told since the run began is left alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.errors import DomainError
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.stores import services as stores
from apps.stores.models import Guide, Posting, Store
from apps.wecom.client import WeComClient, client_for
from apps.wecom.errors import WeComError
from apps.wecom.models import Corp
from apps.wecom.shapes import Contact, DepartmentMember, Follow
from apps.wecom_sync.models import FollowNews, SyncRun
from apps.wecom_sync.services.contacts import members_of_contacts

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
GUIDES_PER_CALL = 100
FRIENDS_PER_TRANSACTION = 500
HAS_LEFT = 5
# so many may be missing at once without anybody asking why
FEW_LEAVERS = 5

EndedBy = FollowRelation.EndedBy
Pair = tuple[int, str]


class AlreadyRunning(DomainError):
    code = "sync_already_running"
    message = _("This comparison is running already.")


class StaffVanished(DomainError):
    """More people than usual are not listed: rights were lost sooner than a tenth of the staff."""

    code = "staff_vanished"


class RunLost(DomainError):
    """The lease ran out and somebody else took over."""

    code = "sync_run_lost"


def sync_all(*, corp: Corp, now: datetime) -> list[SyncRun]:
    """Departments and staff first, then contacts and friendships."""
    return [sync_departments(corp=corp, now=now), sync_contacts(corp=corp, now=now)]


# --- runs ----------------------------------------------------------------------------------------


@transaction.atomic
def _begin(corp: Corp, kind: str, now: datetime) -> SyncRun:
    SyncRun.objects.filter(
        corp_id=corp.corp_id, kind=kind, state=SyncRun.State.RUNNING, lease_until__lt=now
    ).update(state=SyncRun.State.FAILED, error="worker lost", finished_at=now)
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                corp_id=corp.corp_id,
                kind=kind,
                started_at=now,
                lease_token=uuid4(),
                lease_until=now + LEASE,
            )
    except IntegrityError as error:
        raise AlreadyRunning() from error


def _held(run: SyncRun) -> QuerySet[SyncRun]:
    """The run, if its lease is still ours."""
    return SyncRun.objects.filter(pk=run.pk, lease_token=run.lease_token)


def _beat(run: SyncRun) -> None:
    """Inside a page's transaction: the run is still ours, and its figures so far."""
    mine = _held(run).filter(state=SyncRun.State.RUNNING)
    figures = {name: getattr(run, name) for name in ("seen", "created", "changed", "ended")}
    until = max(clock.now(), run.started_at) + LEASE
    if not mine.update(lease_until=until, **figures):
        raise RunLost()


def _finish(run: SyncRun, error: str = "") -> SyncRun:
    run.state = SyncRun.State.FAILED if error else SyncRun.State.DONE
    run.error, run.finished_at = error[:300], clock.now()
    run.lease_until = None
    _held(run).update(
        state=run.state, error=run.error, finished_at=run.finished_at, lease_until=None
    )
    return run


def _why(error: Exception) -> str:
    if isinstance(error, WeComError):
        return f"{type(error).__name__} {error.errcode or error.code}"
    return error.code if isinstance(error, DomainError) else type(error).__name__


# --- departments and staff -----------------------------------------------------------------------


def sync_departments(*, corp: Corp, now: datetime) -> SyncRun:
    """Staff of departments that are stores: new ones are posted, names follow, leavers leave.

    A run that fails is kept as failed, with its reason. Raises AlreadyRunning.
    """
    run = _begin(corp, SyncRun.Kind.DEPARTMENTS, now)
    try:
        staff = _staff(client_for(corp))
        with transaction.atomic():
            _mirror_staff(run, corp, staff, now)
            _beat(run)
    except Exception as error:
        log.warning("sync_failed", run_id=run.pk, error=_why(error))
        return _finish(run, _why(error))
    return _finish(run)


def _staff(client: WeComClient) -> dict[str, DepartmentMember]:
    return {
        person.userid: person
        for department in client.list_departments()
        for person in client.list_department_members(department.id)
    }


def _mirror_staff(
    run: SyncRun, corp: Corp, staff: dict[str, DepartmentMember], now: datetime
) -> None:
    run.seen = len(staff)
    if not staff:  # lost rights look like an empty company; nobody leaves because of that
        return
    ours = Guide.objects.filter(corp_id=corp.corp_id)
    known = set(ours.values_list("wecom_userid", flat=True))
    guides = {guide.wecom_userid: guide for guide in _taking_part(ours.active(), now)}
    _demand_plausible(len(guides), len(guides.keys() - staff.keys()))
    for userid, guide in guides.items():
        person = staff.get(userid)
        if person is None or person.status == HAS_LEFT:
            stores.guide_leaves(guide=guide, now=now, on=clock.business_day(now))
            run.ended += 1
        elif person.name and person.name != guide.name:
            stores.keep_guide(corp_id=corp.corp_id, wecom_userid=userid, name=person.name)
            run.changed += 1
    _post_newcomers(run, corp, [p for userid, p in staff.items() if userid not in known], now)


def _taking_part(guides: QuerySet[Guide], now: datetime) -> QuerySet[Guide]:
    """Without those whose store head office has not switched on."""
    waiting = Posting.objects.on(clock.business_day(now)).filter(
        guide_id=OuterRef("pk"), store__live_since=None
    )
    return guides.filter(~Exists(waiting))


def _demand_plausible(known: int, missing: int) -> None:
    """A tenth of the staff does not leave in a night, but a narrowed visible range looks so."""
    if missing > FEW_LEAVERS and missing * 100 > known * settings.WECOM_LEAVERS_PERCENT:
        raise StaffVanished()


def _post_newcomers(
    run: SyncRun, corp: Corp, people: Sequence[DepartmentMember], now: datetime
) -> None:
    """Who sits in a store's department works there; everybody else is no guide."""
    by_department = {
        store.wecom_department_id: store
        for store in Store.objects.exclude(wecom_department_id=None).exclude(live_since=None)
    }
    day = clock.business_day(now)
    for person in people:
        store = next((by_department[d] for d in person.departments if d in by_department), None)
        if store is None or person.status == HAS_LEFT:
            continue
        guide = stores.keep_guide(
            corp_id=corp.corp_id, wecom_userid=person.userid, name=person.name
        )
        stores.post_guide(guide=guide, store=store, role=Posting.PostingRole.GUIDE, from_day=day)
        run.created += 1


# --- contacts and friendships ---------------------------------------------------------------------


@dataclass
class _Chunk:
    """Up to a hundred guides whose lists are read together, and every friend seen on them."""

    guides: dict[str, Guide]
    seen: set[Pair] = field(default_factory=set)


def sync_contacts(*, corp: Corp, now: datetime) -> SyncRun:
    """Friendships as WeCom lists them: new ones begin, those not listed any more end.

    A run that fails keeps the pages it has done and is kept as failed. Raises AlreadyRunning.
    """
    run = _begin(corp, SyncRun.Kind.CONTACTS, now)
    try:
        client = client_for(corp)
        for chunk in _chunks(corp, client, now):
            for page in _pages(client, list(chunk.guides)):
                with transaction.atomic():
                    _mirror_page(run, corp, chunk, page, now)
                    _beat(run)
            with transaction.atomic():
                _end_missing(run, corp, chunk, now)
                _beat(run)
    except Exception as error:
        log.warning("sync_failed", run_id=run.pk, error=_why(error))
        return _finish(run, _why(error))
    return _finish(run)


def _chunks(corp: Corp, client: WeComClient, now: datetime) -> Iterator[_Chunk]:
    """Our guides who may have customers; the others keep what we know of them."""
    allowed = set(client.list_follow_userids())
    guides = Guide.objects.active().filter(corp_id=corp.corp_id, wecom_userid__in=allowed)
    known = list(_taking_part(guides, now).order_by("pk"))
    for start in range(0, len(known), GUIDES_PER_CALL):
        part = known[start : start + GUIDES_PER_CALL]
        yield _Chunk({guide.wecom_userid: guide for guide in part})


def _pages(client: WeComClient, userids: list[str]) -> Iterator[Sequence[tuple[Contact, Follow]]]:
    """WeCom gives a hundred at a time; a few of its pages make one of ours."""
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


def _mirror_page(
    run: SyncRun,
    corp: Corp,
    chunk: _Chunk,
    page: Sequence[tuple[Contact, Follow]],
    now: datetime,
) -> None:
    listed: dict[Pair, tuple[Contact, Follow]] = {
        (chunk.guides[follow.userid].pk, contact.external_userid): (contact, follow)
        for contact, follow in page
        if follow.userid in chunk.guides
    }
    run.seen += len(listed)
    chunk.seen |= listed.keys()
    missing = _to_begin(corp, chunk, listed, now)
    if not missing:
        return
    found = members_of_contacts(
        corp_id=corp.corp_id,
        contacts=[listed[pair][0] for pair in missing],
        now=now,
        states={external: listed[guide, external][1].state for guide, external in missing},
    )
    begun = members.start_follows(
        rows=[
            members.FollowRow(
                corp_id=corp.corp_id,
                guide_id=guide_id,
                member_id=found[external_userid],
                external_userid=external_userid,
                since=since,
                state=listed[guide_id, external_userid][1].state[:64],
                add_way=listed[guide_id, external_userid][1].add_way,
            )
            for (guide_id, external_userid), since in missing.items()
            if external_userid in found
        ],
        now=now,
    )
    run.created += len(begun)


def _to_begin(
    corp: Corp,
    chunk: _Chunk,
    listed: dict[Pair, tuple[Contact, Follow]],
    now: datetime,
) -> dict[Pair, datetime]:
    """Listed friendships that we do not have, with the moment they began."""
    external_userids = [external_userid for _guide_id, external_userid in listed]
    known: dict[Pair, FollowRelation] = {}
    relations = FollowRelation.objects.filter(
        corp_id=corp.corp_id, external_userid__in=external_userids
    )
    for relation in relations.order_by("since"):
        known[relation.guide_id, relation.external_userid] = relation
    ended = _told_ends(corp, chunk, external_userids)
    missing = {}
    for pair, (_contact, follow) in listed.items():
        since = follow.created_at or now
        last = known.get(pair)
        if last is not None and last.until is None:
            continue
        if pair in ended and ended[pair] >= since:
            continue  # the customer deleted the guide; WeCom lists that one-sided friend on
        if last is not None and last.until is not None and last.until > since:
            if last.ended_by != EndedBy.RECONCILED:
                continue
            since = now  # we ended it because it was not listed; it is listed again
        missing[pair] = since
    return missing


def _told_ends(corp: Corp, chunk: _Chunk, external_userids: list[str]) -> dict[Pair, datetime]:
    news = FollowNews.objects.filter(
        corp_id=corp.corp_id, external_userid__in=external_userids, ended_at__isnull=False
    )
    return {
        (chunk.guides[row.userid].pk, row.external_userid): row.ended_at
        for row in news
        if row.userid in chunk.guides
        and row.ended_at is not None
        and not (row.added_at and row.added_at > row.ended_at)
    }


def _end_missing(run: SyncRun, corp: Corp, chunk: _Chunk, now: datetime) -> None:
    """Friendships of these guides that WeCom lists no more, but for those begun since the run."""
    standing = FollowRelation.objects.current().filter(
        corp_id=corp.corp_id,
        guide__in=list(chunk.guides.values()),
        since__lt=run.started_at,
    )
    gone = [
        pk
        for pk, guide_id, external_userid in standing.values_list(
            "pk", "guide_id", "external_userid"
        )
        if (guide_id, external_userid) not in chunk.seen
    ]
    if gone:
        run.ended += members.end_follows(relation_ids=gone, at=now, ended_by=EndedBy.RECONCILED)
