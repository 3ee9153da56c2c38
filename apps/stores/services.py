"""Writes of the place: who works where, on which days, who covers for whom, and who has left."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from psycopg.types.range import DateRange

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.wake import wake
from apps.stores.models import Cover, DayOff, Guide, Posting, ScopeGrant, Store, StoreDay

# open work of who is not there any more, or is covered, goes to somebody who is
MOVE_WORK_JOB = "guide_tasks.move_work"
PLAN_AHEAD = timedelta(days=92)
MADE_ANEW = "guide.made_anew"


class PostingOverlaps(DomainError):
    code = "posting_overlaps"


class DayIsOver(DomainError):
    code = "day_is_over"
    message = _("Choose today or a later day, at most three months ahead.")


class NotPostedHere(DomainError):
    code = "not_posted_here"
    message = _("%(name)s does not work in this store on these days.")


class CoverOverlaps(DomainError):
    code = "cover_overlaps"
    message = _("Somebody covers %(name)s on these days already. End that first.")


class CoverBySomebodyAway(DomainError):
    code = "cover_away"
    message = _("%(name)s is away on these days. Choose another colleague.")


@transaction.atomic
def post_guide(
    *, guide: Guide, store: Store, role: str, from_day: date, until_day: date | None = None
) -> Posting:
    """Post a guide to a store from a day on; the posting of before ends that day. Safe to repeat.

    Raises PostingOverlaps when a later posting already stands.
    """
    Guide.objects.select_for_update().get(pk=guide.pk)
    postings = Posting.objects.filter(guide=guide)
    same = postings.filter(store=store, role=role, during=DateRange(from_day, until_day)).first()
    if same is not None:
        return same
    if postings.filter(during__startswith__gt=from_day).exists():
        raise PostingOverlaps(_("A later posting of this guide stands already. End it first."))
    postings.filter(during__startswith=from_day).delete()
    for before in postings.on(from_day):
        before.during = DateRange(before.during.lower, from_day)
        before.save(update_fields=["during"])
    _give_role(guide=guide, role=role)
    wake(MOVE_WORK_JOB)
    return Posting.objects.create(
        guide=guide, store=store, role=role, during=DateRange(from_day, until_day)
    )


def _give_role(*, guide: Guide, role: str) -> None:
    """The posting decides whether the person signs in as guide or as store manager."""
    if guide.user_id is not None:
        wanted = Role.STORE_MANAGER if role == Posting.PostingRole.STORE_MANAGER else Role.GUIDE
        User.objects.filter(pk=guide.user_id).exclude(role=wanted).update(role=wanted)


@transaction.atomic
def rename_guides(*, names: Mapping[int, str]) -> int:
    """Names as WeCom shows them, by guide; return how many were another."""
    guides = list(Guide.objects.select_for_update(no_key=True).filter(pk__in=names).order_by("pk"))
    changed = [guide for guide in guides if guide.name != names[guide.pk][:40]]
    for guide in changed:
        guide.name = names[guide.pk][:40]
    Guide.objects.bulk_update(changed, ["name"], batch_size=1000)
    return len(changed)


@transaction.atomic
def change_userid(*, corp_id: str, old: str, new: str) -> bool:
    """WeCom calls the same person otherwise now. Returns whether anybody was called so and nobody
    is known by the new id. Safe to repeat."""
    guides = Guide.objects.filter(corp_id=corp_id)
    guide = guides.select_for_update(no_key=True).filter(wecom_userid=old).first()
    if guide is None or guides.filter(wecom_userid=new).exists():
        return False
    guide.wecom_userid = new
    guide.save(update_fields=["wecom_userid"])
    # the old id may be given to somebody else, whose account is called after it
    if guide.user_id is not None:
        users = User.objects.filter(pk=guide.user_id, username=_username(corp_id, old))
        users.update(username=_username(corp_id, new))
    return True


def name_corp(*, corp_id: str) -> int:
    """Stores with a department and no corp are of this one, as long as it is the only one; a second
    corp changes nothing for them."""
    return Store.objects.of_corp("", only=False).update(corp_id=corp_id)


class NewGuide(NamedTuple):
    """Somebody WeCom lists in a store's department whom we do not know."""

    userid: str
    name: str
    store_id: int


@transaction.atomic
def post_newcomers(*, corp_id: str, rows: Sequence[NewGuide], from_day: date) -> int:
    """Make guides of people and post them to their stores, set-wise; return how many were posted.

    Whoever has a posting already, then or later, keeps it. Safe to repeat.
    """
    store_of = {row.userid: row.store_id for row in rows}
    Guide.objects.bulk_create(
        [Guide(corp_id=corp_id, wecom_userid=row.userid, name=row.name[:40]) for row in rows],
        ignore_conflicts=True,
        batch_size=1000,
    )
    guides = Guide.objects.active().filter(corp_id=corp_id, wecom_userid__in=store_of)
    posted = Posting.objects.filter(during__endswith=None) | Posting.objects.filter(
        during__endswith__gt=from_day
    )
    fresh = list(guides.exclude(pk__in=posted.values("guide_id")).order_by("pk"))
    Posting.objects.bulk_create(
        [
            Posting(
                guide=guide,
                store_id=store_of[guide.wecom_userid],
                role=Posting.PostingRole.GUIDE,
                during=DateRange(from_day, None),
            )
            for guide in fresh
        ],
        batch_size=1000,
    )
    if fresh:
        wake(MOVE_WORK_JOB)
    return len(fresh)


@transaction.atomic
def guide_leaves(*, guide: Guide, now: datetime, on: date) -> None:
    """The guide has left: no posting, no sign-in from that day on. Safe to repeat."""
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    if guide.status == Guide.Status.LEFT:
        return
    Posting.objects.filter(guide=guide, during__startswith__gte=on).delete()
    for posting in Posting.objects.on(on).filter(guide=guide):
        posting.during = DateRange(posting.during.lower, on)
        posting.save(update_fields=["during"])
    if guide.user_id is not None:
        account = User.objects.filter(pk=guide.user_id, is_active=True)
        guide.closed_by_leaving = account.update(is_active=False) > 0
    guide.status, guide.left_at = Guide.Status.LEFT, now
    guide.save(update_fields=["status", "left_at", "closed_by_leaving"])
    wake(MOVE_WORK_JOB)


@transaction.atomic
def guide_returns(*, guide: Guide) -> bool:
    """The same person is back and may sign in again; where they work is said by a posting. Returns
    whether they had left. Safe to repeat.

    An account that head office had closed before they left stays closed.
    """
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    if guide.status == Guide.Status.ACTIVE:
        return False
    if guide.user_id is not None and guide.closed_by_leaving:
        User.objects.filter(pk=guide.user_id).update(is_active=True)
    guide.status, guide.left_at, guide.closed_by_leaving = Guide.Status.ACTIVE, None, False
    guide.save(update_fields=["status", "left_at", "closed_by_leaving"])
    return True


@transaction.atomic
def guide_made_anew(*, guide: Guide, name: str) -> bool:
    """WeCom's account was deleted and made again, maybe for somebody else: of the rights, names and
    sign-ins of before nothing comes along. Returns whether they had left. Safe to repeat."""
    if not guide_returns(guide=guide):
        return False
    accounts.audit(actor=SYSTEM, action=MADE_ANEW, object_type="stores.guide", object_id=guide.pk)
    name = (name or guide.name)[:40]
    Guide.objects.filter(pk=guide.pk).update(name=name)
    if guide.user_id is None:
        return True
    user = User.objects.select_for_update().get(pk=guide.user_id)
    user.role, user.is_staff, user.is_superuser = Role.GUIDE, False, False
    user.last_name, user.first_name, user.wecom_userid = name, "", ""
    user.set_unusable_password()  # ends the sessions of before as well
    user.save()
    ScopeGrant.objects.filter(user=user).delete()
    return True


def _username(corp_id: str, wecom_userid: str) -> str:
    return f"wecom:{corp_id}:{wecom_userid}"


@transaction.atomic
def user_of_guide(*, guide: Guide) -> User:
    """The account behind a guide, made at the first WeCom sign-in. It has no usable password."""
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    if guide.user is not None:
        return guide.user
    username = _username(guide.corp_id, guide.wecom_userid)
    user = User(username=username, last_name=guide.name)
    user.set_unusable_password()
    user.save()
    guide.user = user
    guide.save(update_fields=["user"])
    posting = Posting.objects.filter(guide=guide).order_by("-during").first()
    if posting is not None:
        _give_role(guide=guide, role=posting.role)
        user.refresh_from_db()
    return user


class NoRegionManager(DomainError):
    code = "no_region_manager"
    message = _("Give this account the role of a region manager first.")


@transaction.atomic
def connect_region_manager(*, user: User, corp_id: str, wecom_userid: str) -> Guide:
    """Let a regional manager sign in through WeCom. Works in no store, so has no posting. Safe to
    repeat. Raises NoRegionManager.
    """
    if user.role != Role.REGION_MANAGER:
        raise NoRegionManager
    guide, _made = Guide.objects.select_for_update(no_key=True).get_or_create(
        corp_id=corp_id, wecom_userid=wecom_userid, defaults={"name": user.get_full_name()[:40]}
    )
    if guide.user_id != user.pk:
        Guide.objects.filter(user=user).update(user=None)
        guide.user = user
        guide.save(update_fields=["user"])
    return guide


# --- who is at work ------------------------------------------------------------------------------


def _demand_plannable(day: date, now: datetime) -> None:
    today = clock.business_day(now)
    if not today <= day <= today + PLAN_AHEAD:
        raise DayIsOver()


def _demand_posted(guide: Guide, store: Store, day: date) -> None:
    if not Posting.objects.on(day).filter(guide=guide, store=store).exists():
        raise NotPostedHere(name=guide.name)


@transaction.atomic
def set_day_off(
    *, guide: Guide, store: Store, day: date, off: bool, actor: Actor, now: datetime
) -> None:
    """Mark a day of a guide as off, or as a working day again. The same again changes nothing.

    Raises DayIsOver, NotPostedHere.
    """
    _demand_plannable(day, now)
    _demand_posted(guide, store, day)
    if _mark(DayOff, off, actor, guide=guide, day=day):
        accounts.audit(
            actor=actor,
            action="duty.off" if off else "duty.on",
            object_type="guide",
            object_id=guide.pk,
            detail={"day": day.isoformat()},
        )


def _mark(model: type[DayOff | StoreDay], is_on: bool, actor: Actor, **which: Any) -> bool:
    """Set a day's mark or take it away; whether that changed anything."""
    rows = model._default_manager
    if is_on:
        _row, is_new = rows.get_or_create(**which, defaults={"created_by": actor.label})
        return is_new
    gone, _by_model = rows.filter(**which).delete()
    return bool(gone)


@transaction.atomic
def set_store_closed(*, store: Store, day: date, closed: bool, actor: Actor, now: datetime) -> None:
    """Mark a day on which the store is closed, or open again. Raises DayIsOver."""
    _demand_plannable(day, now)
    if _mark(StoreDay, closed, actor, store=store, day=day):
        accounts.audit(
            actor=actor,
            action="store.closed" if closed else "store.open",
            object_type="store",
            object_id=store.pk,
            detail={"day": day.isoformat()},
        )


@transaction.atomic
def repeat_week(*, store: Store, first: date, actor: Actor, now: datetime) -> int:
    """Give the seven days from `first` the days off of the seven before; return how many are new.

    Days marked already stay, so a second tap changes nothing. Raises DayIsOver.
    """
    _demand_plannable(first, now)
    _demand_plannable(first + timedelta(days=6), now)
    week = timedelta(days=7)
    people = Posting.objects.filter(store=store).values("guide_id")
    before = DayOff.objects.filter(
        guide__in=people, day__range=(first - week, first - timedelta(1))
    )
    wanted = set(before.values_list("guide_id", "day"))
    postings = Posting.objects.filter(store=store, guide_id__in={one for one, _day in wanted})
    posted = list(postings.values_list("guide_id", "during"))
    known = DayOff.objects.filter(guide__in=people, day__range=(first, first + timedelta(days=6)))
    taken = set(known.values_list("guide_id", "day"))
    new = [
        DayOff(guide_id=guide_id, day=day + week, created_by=actor.label)
        for guide_id, day in sorted(wanted)
        if (guide_id, day + week) not in taken
        and any(one == guide_id and day + week in during for one, during in posted)
    ]
    DayOff.objects.bulk_create(new, ignore_conflicts=True)
    if new:
        accounts.audit(
            actor=actor,
            action="duty.week_repeated",
            object_type="store",
            object_id=store.pk,
            detail={"first": first.isoformat(), "days": len(new)},
        )
    return len(new)


@transaction.atomic
def start_cover(
    *,
    store: Store,
    absent: Guide,
    covering: Guide,
    first: date,
    last: date,
    actor: Actor,
    now: datetime,
) -> Cover:
    """代班 from `first` to `last` (both in): the work moves, the customers stay. The same again is
    the same cover.

    Raises DayIsOver, NotPostedHere, CoverOverlaps, CoverBySomebodyAway.
    """
    _demand_plannable(first, now)
    _demand_plannable(max(first, last), now)
    # one order for both, so that two covers the other way round wait instead of blocking
    pair = sorted([absent.pk, covering.pk])
    list(Guide.objects.select_for_update(no_key=True).filter(pk__in=pair).order_by("pk"))
    during = DateRange(first, max(first, last) + timedelta(days=1))
    same = Cover.objects.filter(absent=absent, covering=covering, during=during).first()
    if same is not None:
        return same
    _demand_posted(absent, store, first)
    _demand_posted(covering, store, first)
    if Cover.objects.filter(absent=absent, during__overlap=during).exists():
        raise CoverOverlaps(name=absent.name)
    off = DayOff.objects.filter(guide=covering, day__gte=during.lower, day__lt=during.upper)
    covered = Cover.objects.filter(absent=covering, during__overlap=during)
    if absent.pk == covering.pk or off.exists() or covered.exists():
        raise CoverBySomebodyAway(name=covering.name)
    cover = Cover.objects.create(
        store=store, absent=absent, covering=covering, during=during, created_by=actor.label
    )
    _audit_cover(cover, "cover.started", actor)
    wake(MOVE_WORK_JOB)
    return cover


@transaction.atomic
def end_cover(*, cover: Cover, actor: Actor, now: datetime) -> None:
    """The absent guide is back from today on. What has moved stays with who has it."""
    today = clock.business_day(now)
    found = Cover.objects.select_for_update().filter(pk=cover.pk).first()
    if found is None or found.during.upper <= today:
        return
    if found.during.lower >= today:
        found.delete()
    else:
        found.during = DateRange(found.during.lower, today)
        found.save(update_fields=["during"])
    _audit_cover(cover, "cover.ended", actor)


def _audit_cover(cover: Cover, action: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type="guide",
        object_id=cover.absent_id,
        detail={"covering": cover.covering_id, "store": cover.store_id},
    )
