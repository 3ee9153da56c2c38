"""Departments and staff: who sits in a store's department works there.

Who has left can be said only when every department has been read, so all of it is one chunk.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from apps.core import clock
from apps.stores import services as stores
from apps.stores.models import Guide, Posting, Store
from apps.stores.querysets import StoreQuerySet
from apps.wecom.client import WeComClient
from apps.wecom.models import Corp
from apps.wecom.shapes import DepartmentMember
from apps.wecom_sync.errors import StaffVanished
from apps.wecom_sync.selectors import has_customers_still, leavers_with_newcomer
from apps.wecom_sync.services import moves
from apps.wecom_sync.services.newcomers import let_in
from apps.wecom_sync.services.reconciler.walk import Walk

HAS_LEFT = 5
# so many may be missing at once without anybody asking why
FEW_LEAVERS = 5


def compare(walk: Walk) -> None:
    """New staff of live stores are posted, names follow, leavers leave."""
    staff = _staff(walk.client)
    with walk.chunk():
        walk.count(seen=len(staff))
        if not staff:  # lost rights look like an empty company; nobody leaves because of that
            return
        if not walk.dry and _is_only(walk.corp.corp_id):
            stores.name_corp(corp_id=walk.corp.corp_id)
        ours = Guide.objects.filter(corp_id=walk.corp.corp_id)
        known = set(ours.values_list("wecom_userid", flat=True))
        guides = {guide.wecom_userid: guide for guide in taking_part(ours.active(), walk.now)}
        demand_plausible(len(guides), len(guides.keys() - staff.keys()))
        _leave(walk, guides, staff)
        _rename(walk, guides, staff)
        _notice_moves(walk, guides, staff)
        strangers = [person for userid, person in staff.items() if userid not in known]
        _post(walk, strangers)
        _let_in(walk, staff)
        if walk.dry:
            _tell_of_waiting(walk, strangers)


def _staff(client: WeComClient) -> dict[str, DepartmentMember]:
    return {
        person.userid: person
        for department in client.list_departments()
        for person in client.list_department_members(department.id)
    }


def departments_of(corp_id: str) -> StoreQuerySet:
    """Stores that are departments of this corp: another corp has the same numbers."""
    return Store.objects.of_corp(corp_id, only=_is_only(corp_id)).order_by("pk")


def live_departments(corp_id: str) -> QuerySet[Store]:
    """Those of them that head office has switched on."""
    return departments_of(corp_id).exclude(live_since=None)


def stores_of(people: Sequence[DepartmentMember], corp_id: str) -> dict[str, Store]:
    """Where each works, by userid: the first of their departments that is a live store."""
    return _first_store(people, live_departments(corp_id))


def _first_store(people: Sequence[DepartmentMember], among: QuerySet[Store]) -> dict[str, Store]:
    asked = {department for person in people for department in person.departments}
    among = among.filter(wecom_department_id__in=asked)
    by_department = {store.wecom_department_id: store for store in among}
    firsts = {
        person.userid: next((one for one in person.departments if one in by_department), None)
        for person in people
    }
    return {userid: by_department[one] for userid, one in firsts.items() if one is not None}


def _is_only(corp_id: str) -> bool:
    return not Corp.objects.filter(is_active=True).exclude(corp_id=corp_id).exists()


def taking_part(guides: QuerySet[Guide], now: datetime) -> QuerySet[Guide]:
    """Without those whose store head office has not switched on."""
    waiting = Posting.objects.on(clock.business_day(now)).filter(
        guide_id=OuterRef("pk"), store__live_since=None
    )
    return guides.filter(~Exists(waiting))


def demand_plausible(known: int, missing: int) -> None:
    """A tenth of the staff does not leave in a night, but a narrowed visible range looks so."""
    if missing > FEW_LEAVERS and missing * 100 > known * settings.WECOM_LEAVERS_PERCENT:
        raise StaffVanished()


def _is_gone(person: DepartmentMember | None) -> bool:
    return person is None or person.status == HAS_LEFT


def _leave(walk: Walk, guides: Mapping[str, Guide], staff: Mapping[str, DepartmentMember]) -> None:
    leavers = [guide for userid, guide in guides.items() if _is_gone(staff.get(userid))]
    walk.count(missing_there=len(leavers))
    for guide in leavers:
        walk.example("leaver", userid=guide.wecom_userid, name=guide.name)
        if not walk.dry:
            stores.guide_leaves(guide=guide, now=walk.now, on=clock.business_day(walk.now))
            walk.count(healed=1)


def _rename(walk: Walk, guides: Mapping[str, Guide], staff: Mapping[str, DepartmentMember]) -> None:
    names = {}
    for userid, guide in guides.items():
        person = staff.get(userid)
        if person is None or _is_gone(person) or not person.name:
            continue
        if person.name[:40] != guide.name:
            names[guide.pk] = person.name
            walk.example("renamed", userid=userid, name=guide.name, to=person.name)
    walk.count(differing=len(names))
    if not walk.dry:
        walk.count(healed=stores.rename_guides(names=names))


def _notice_moves(
    walk: Walk, guides: Mapping[str, Guide], staff: Mapping[str, DepartmentMember]
) -> None:
    """Who sits elsewhere than they work: head office is asked, nobody is moved."""
    here = {userid: one for userid, one in staff.items() if userid in guides and not _is_gone(one)}
    works_in = stores_of(list(here.values()), walk.corp.corp_id)
    found = moves.find_moves(guides=guides, people=here, works_in=works_in, now=walk.now)
    waiting = moves.undecided(found)
    walk.count(differing=len(waiting))
    for one in waiting:
        who = {"userid": one.guide.wecom_userid, "name": one.guide.name}
        walk.example("moved", **who, store=one.from_store.name, to=one.to_store.name)
    if not walk.dry:
        # also who has left meanwhile, or whose store was switched off
        stands = moves.standing_in(walk.corp.corp_id)
        moves.keep_moves(moved=found, among=stands, now=walk.now)


def _post(walk: Walk, people: Sequence[DepartmentMember]) -> None:
    """Who sits in a live store's department works there; everybody else is no guide."""
    corp_id = walk.corp.corp_id
    works_in = stores_of(people, corp_id)
    rows = []
    for person in people:
        store = works_in.get(person.userid)
        if store is None or person.status == HAS_LEFT:
            continue
        rows.append(stores.NewGuide(person.userid, person.name, store.pk))
        walk.example("newcomer", userid=person.userid, name=person.name, store=store.name)
    walk.count(missing_here=len(rows))
    if not walk.dry:
        day = clock.business_day(walk.now)
        walk.count(healed=stores.post_newcomers(corp_id=corp_id, rows=rows, from_day=day))


def _tell_of_waiting(walk: Walk, strangers: Sequence[DepartmentMember]) -> None:
    """What switching stores on would begin: told by a dry run, counted by none."""
    day = clock.business_day(walk.now)
    waiting = departments_of(walk.corp.corp_id).not_live().open_on(day)
    here = [person for person in strangers if not _is_gone(person)]
    # who sits in a live store too is posted there already
    posted = stores_of(here, walk.corp.corp_id)
    would = _first_store([one for one in here if one.userid not in posted], waiting)
    if stores_waiting := waiting.count():
        walk.example("stores_wait", stores=stores_waiting, number=len(would))
    for store, number in Counter(would.values()).most_common():
        walk.example("store_waits", store=store.name, code=store.code, number=number)
    without = Store.objects.open_on(day).filter(wecom_department_id=None).count()
    if without:
        walk.example("no_department", number=without)


def _let_in(walk: Walk, staff: Mapping[str, DepartmentMember]) -> None:
    """Whoever waited for the customers of their account's leaver to be handed over."""
    leavers = leavers_with_newcomer(corp_id=walk.corp.corp_id).filter(~has_customers_still())
    free = {guide.wecom_userid: guide for guide in leavers}
    people = [staff[userid] for userid in free if not _is_gone(staff.get(userid))]
    works_in = stores_of(people, walk.corp.corp_id)
    here = [person for person in people if person.userid in works_in]
    if not walk.dry:
        here = [one for one in here if let_in(guide=free[one.userid], name=one.name)]
    _post(walk, here)
