"""Members come, move and go: each is read again by id, so order and repeats do not matter.

An account deleted and made anew before the first of both events is read was here all the time to
us; that it was deleted says that somebody left and that somebody, maybe another one, came.

WeCom tells it twice: as `change_contact` where contact sync or a provider's app listens, and to the
app itself as `subscribe` and `unsubscribe`. Whoever is gone signs in no more from that moment; the
nightly comparison finds those nobody told of.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.accounts import services as accounts
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.stores import services as stores
from apps.stores.models import Guide
from apps.wecom.client import NOT_VISIBLE, WeComClient
from apps.wecom.errors import Refused
from apps.wecom.selectors import named_by_its_users
from apps.wecom.shapes import Department, DepartmentMember
from apps.wecom_sync.handlers import NOT_LIVE, Handler, Happened
from apps.wecom_sync.services.departments import keep_department
from apps.wecom_sync.services.moves import find_moves, keep_moves
from apps.wecom_sync.services.newcomers import let_in
from apps.wecom_sync.services.reconciler.staff import HAS_LEFT, demand_plausible, stores_of

A_DAY = timedelta(days=1)
IN_NO_STORE = "in no live store"
HAND_OVER_FIRST = "hand over first: the leaver of this account still has customers"


@dataclass(frozen=True, slots=True)
class Look:
    """The member as WeCom shows them now; None when gone, or out of the app's visible range."""

    person: DepartmentMember | None


def _userid(event: Happened) -> str:
    """Whom it is about, by the id of now: an app's own events name the member as their sender."""
    return _new_userid(event) or event.userid or str(event.fields.get("FromUserName") or "")


def _new_userid(event: Happened) -> str:
    """An account's id may be changed once; everything else about it stays."""
    return str(event.fields.get("NewUserID") or "")


def _look(client: WeComClient, event: Happened) -> Look:
    try:
        person = client.look_up_member(_userid(event))
    except Refused as error:
        if error.errcode != NOT_VISIBLE:
            raise
        return Look(None)
    return Look(None if person.status == HAS_LEFT else person)


def _guide_of(event: Happened) -> Guide | None:
    guides = Guide.objects.select_for_update(no_key=True, of=("self",))
    return guides.filter(corp_id=event.corp_id, wecom_userid=_userid(event)).first()


def _waits_for_store(guide: Guide, now: datetime) -> bool:
    """Their store is not switched on: the comparison brings it when it is."""
    day = clock.business_day(now)
    return guide.postings.on(day).filter(store__live_since=None).exists()


def _gone(event: Happened, look: Look, now: datetime) -> str:
    """Told to have left. Whoever WeCom shows again meanwhile stays."""
    ended = _end_scans(event, now)
    guide = _guide_of(event)
    if guide is None:
        return "" if ended else "guide not known"
    if look.person is not None:
        return _still_here(event, look.person, guide, now)
    if guide.status == Guide.Status.LEFT:
        return "has left already"
    if _waits_for_store(guide, now):
        return NOT_LIVE
    _demand_no_exodus(event, now)
    # as of the event: an account made anew after it is told of later
    stores.guide_leaves(guide=guide, now=min(event.at, now), on=clock.business_day(now))
    return ""


def _end_scans(event: Happened, now: datetime) -> int:
    """Deleted, maybe made anew since: the account opens head office to nobody until it is entered
    again. Out of the visible range is no deletion."""
    if event.change != "delete_user":
        return 0
    corps = named_by_its_users(event.corp_id)
    return accounts.end_scans(corp_ids=corps, wecom_userid=_userid(event), at=min(event.at, now))


def _still_here(event: Happened, person: DepartmentMember, guide: Guide, now: datetime) -> str:
    """Out of the visible range for a while is nothing; deleted and here again is an account made
    anew, and its predecessor's rights end with them."""
    known_since = event.change != "delete_user" or guide.created_at > event.at
    if known_since or guide.status == Guide.Status.LEFT or _told_since(event, guide):
        return "still here"
    if _waits_for_store(guide, now):
        return NOT_LIVE
    today = clock.business_day(now)
    worked = guide.postings.on(today).values_list("store_id", flat=True).first()
    store = stores_of([person], event.corp_id).get(person.userid)
    stores.guide_leaves(guide=guide, now=min(event.at, now), on=today)
    if not let_in(guide=guide, name=person.name):
        return HAND_OVER_FIRST
    place = store.pk if store else worked
    if place is None:
        return IN_NO_STORE
    _post(event, person, place, now)
    return ""


def _told_since(event: Happened, guide: Guide) -> bool:
    """It was seen already, by another event or the comparison: a late event ends nobody's rights a
    second time."""
    made_anew = AuditEntry.objects.filter(object_type="stores.guide", object_id=str(guide.pk))
    return made_anew.filter(action=stores.MADE_ANEW, at__gte=event.at).exists()


def _demand_no_exodus(event: Happened, now: datetime) -> None:
    """A narrowed visible range tells of everybody as if they had left. Raises StaffVanished.

    Counted around the event's own time, as it may be read late. Whom head office took out itself
    says nothing about the range.
    """
    since = min(event.at, now) - A_DAY
    guides = Guide.objects.filter(corp_id=event.corp_id)
    left = guides.filter(status=Guide.Status.LEFT, left_at__gt=since)
    leavers = {str(pk) for pk in left.values_list("pk", flat=True)}
    by_hand = AuditEntry.objects.filter(
        object_type="stores.guide", object_id__in=leavers, action="guide.left", at__gt=since
    )
    leavers -= set(by_hand.values_list("object_id", flat=True))
    demand_plausible(guides.active().count() + len(leavers), len(leavers) + 1)


def _here(event: Happened, look: Look, now: datetime) -> str:
    """New, moved or renamed: a newcomer of a live store is posted, a name follows. Where somebody
    works who has a posting already, head office says: it is asked about a move."""
    if new := _new_userid(event):
        stores.change_userid(corp_id=event.corp_id, old=event.userid, new=new)
        corps = named_by_its_users(event.corp_id)
        accounts.move_scans(corp_ids=corps, old=event.userid, new=new)
    if look.person is None:
        return "gone meanwhile"
    guide = _guide_of(event)
    if guide is None or guide.status == Guide.Status.LEFT:
        return _newcomer(event, look.person, guide, now)
    stores.rename_guides(names={guide.pk: look.person.name} if look.person.name else {})
    _notice_move(event, look.person, guide, now)
    return ""


def _notice_move(event: Happened, person: DepartmentMember, guide: Guide, now: datetime) -> None:
    if _waits_for_store(guide, now):
        return
    moved = find_moves(
        guides={person.userid: guide},
        people={person.userid: person},
        works_in=stores_of([person], event.corp_id),
        now=now,
    )
    keep_moves(moved=moved, among=[guide.pk], now=now)


def _newcomer(event: Happened, person: DepartmentMember, guide: Guide | None, now: datetime) -> str:
    if guide is not None and not _is_made_anew(event, guide):
        return "has left"
    store = stores_of([person], event.corp_id).get(person.userid)
    if store is None:
        return IN_NO_STORE
    if guide is not None and not let_in(guide=guide, name=person.name):
        return HAND_OVER_FIRST
    _post(event, person, store.pk, now)
    return ""


def _post(event: Happened, person: DepartmentMember, store_id: int, now: datetime) -> None:
    stores.post_newcomers(
        corp_id=event.corp_id,
        rows=[stores.NewGuide(person.userid, person.name, store_id)],
        from_day=clock.business_day(now),
    )


def _is_made_anew(event: Happened, guide: Guide) -> bool:
    """An account with this id was made after its owner had left: they are back."""
    return event.change == "create_user" and guide.left_at is not None and event.at >= guide.left_at


def _look_at_department(client: WeComClient, event: Happened) -> Department | None:
    return client.get_department(_number(event))


def _department(event: Happened, look: Department | None, now: datetime) -> str:
    """Made, renamed, moved or deleted: as it is now, whichever of them was told last."""
    keep_department(corp_id=event.corp_id, number=_number(event), shown=look, now=now)
    return ""


def _number(event: Happened) -> int:
    return int(event.fields.get("Id") or 0)


_HERE, _GONE = Handler(_look, _here), Handler(_look, _gone)
_DEPARTMENT = Handler(_look_at_department, _department)

STAFF_HANDLERS: dict[tuple[str, str], Handler] = {
    ("change_contact", "create_user"): _HERE,
    ("change_contact", "update_user"): _HERE,
    ("change_contact", "delete_user"): _GONE,
    ("change_contact", "create_party"): _DEPARTMENT,
    ("change_contact", "update_party"): _DEPARTMENT,
    ("change_contact", "delete_party"): _DEPARTMENT,
    ("subscribe", ""): _HERE,
    ("unsubscribe", ""): _GONE,
}
