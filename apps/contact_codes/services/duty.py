"""Who receives a code's customers now: shifts, the roster, each guide's limit, the backup."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count

from apps.contact_codes.models import ChannelCode, CodeAdd, CodeShift, GuideBar
from apps.core import clock
from apps.core.wake import wake
from apps.stores.models import Guide, Posting
from apps.stores.selectors import absences, posted_with_duty

PUSH_JOB = "contact_codes.push_codes"
MOST_USERS = {  # WeCom's limits
    ChannelCode.Medium.CODE: 100,
    ChannelCode.Medium.LINK: 500,
}
CHUNK = 500

Kind = ChannelCode.Kind
Status = ChannelCode.Status


@dataclass
class Roster:
    """One look at who is where today, for any number of codes."""

    now: datetime
    guides: dict[int, Guide] = field(default_factory=dict)  # active ones, by id
    posted: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    on_duty: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    working: set[int] = field(default_factory=set)
    covering: dict[int, int] = field(default_factory=dict)
    barred: set[int] = field(default_factory=set)
    adds: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receiving:
    """The people of a code now. `stand_in` says that nobody regular is there: the backup or, with
    no backup either, whoever had it before."""

    guide_ids: tuple[int, ...]
    stand_in: bool


def _adds_today(codes: Sequence[ChannelCode], day: date) -> dict[tuple[int, int], int]:
    limited = [code.pk for code in codes if code.daily_limit is not None]
    if not limited:
        return {}
    start, end = clock.day_bounds(day)
    rows = CodeAdd.objects.filter(code_id__in=limited, at__gte=start, at__lt=end).order_by()
    counted = rows.values_list("code_id", "guide_id").annotate(n=Count("pk"))
    return {(code_id, guide_id): n for code_id, guide_id, n in counted}


def roster_for(codes: Sequence[ChannelCode], shifts: Iterable[CodeShift], now: datetime) -> Roster:
    """Read everything these codes need in a fixed number of queries."""
    day = clock.business_day(now)
    named = {guide for code in codes for guide in (code.guide_id, code.backup_id) if guide}
    named |= {shift.guide_id for shift in shifts}
    found = Roster(now)
    stores = {code.store_id for code in codes if code.store_id}
    posted = posted_with_duty(store_ids=stores, day=day).filter(store__live_since__isnull=False)
    for row in posted:
        found.guides[row.guide_id] = row.guide
        found.posted[row.store_id].append(row.guide_id)
        if not row.is_away:
            found.on_duty[row.store_id].append(row.guide_id)
            found.working.add(row.guide_id)
    _read_named(found, named - found.guides.keys(), named, day)
    found.barred = set(GuideBar.objects.filter(until__gt=now).values_list("guide_id", flat=True))
    found.adds = _adds_today(codes, day)
    return found


def _read_named(found: Roster, others: set[int], named: set[int], day: date) -> None:
    """Guides whom a code names by themselves, wherever they are posted, and who covers for them."""
    away = absences(days=[day], guide_ids=named)
    found.covering = {one.guide_id: one.covering_id for one in away if one.covering_id}
    others = others | (set(found.covering.values()) - found.guides.keys())
    if not others:
        return
    gone = {one.guide_id for one in away}
    active = Guide.objects.active().filter(pk__in=others)
    found.guides.update(active.in_bulk())
    posted = Posting.objects.on(day).live().filter(guide_id__in=others)
    found.working |= set(posted.values_list("guide_id", flat=True)) - gone


def _may_receive(code: ChannelCode, guide_id: int, roster: Roster) -> bool:
    """At work still, not left out for now, and in the code's corp: there the account name of a
    guide of another corp is nobody's or a stranger's. A code not made yet has no corp."""
    guide = roster.guides.get(guide_id)
    if guide is None or guide_id in roster.barred:
        return False
    return code.corp_id in ("", guide.corp_id)


def _regular(code: ChannelCode, shifts: Sequence[CodeShift], roster: Roster) -> list[int]:
    """Whom the code names for this hour, at work or not asked yet."""
    if code.kind == Kind.GUIDE and code.guide_id:
        if code.guide_id in roster.working:
            return [code.guide_id]
        helper = roster.covering.get(code.guide_id)
        return [helper] if helper else []
    if shifts:
        on = [shift.guide_id for shift in shifts if shift.is_on(roster.now)]
        return list(dict.fromkeys(on))
    return roster.on_duty.get(code.store_id or 0, [])


def _stand_ins(code: ChannelCode, shifts: Sequence[CodeShift], roster: Roster) -> list[int]:
    """Nobody regular: the backup; else the guide whose code it is, or once they have left the
    colleagues at work; else who had it before; else everybody it is for, at work or not."""
    store = code.store_id or 0
    for choice in (
        [code.backup_id],
        [code.guide_id],
        roster.on_duty.get(store, []) if code.kind == Kind.GUIDE else [],
        [pk for pk, guide in roster.guides.items() if guide.wecom_userid in code.pushed_users],
        [shift.guide_id for shift in shifts] or roster.posted.get(store, []),
    ):
        found = [pk for pk in choice if pk and _may_receive(code, pk, roster)]
        if found:
            return list(dict.fromkeys(found))
    return []


def receiving(code: ChannelCode, shifts: Sequence[CodeShift], roster: Roster) -> Receiving:
    """Who gets this code's customers at this moment."""

    def had(guide_id: int | None) -> int:
        return roster.adds.get((code.pk, guide_id or 0), 0)

    regular = [
        pk
        for pk in _regular(code, shifts, roster)
        if pk in roster.working and _may_receive(code, pk, roster)
        if code.daily_limit is None or had(pk) < code.daily_limit
    ]
    chosen = regular or _stand_ins(code, shifts, roster)
    most = MOST_USERS[ChannelCode.Medium(code.medium)]
    if len(chosen) > most:  # who had least today comes first
        chosen = sorted(chosen, key=lambda pk: (had(pk), pk))[:most]
    return Receiving(guide_ids=tuple(chosen), stand_in=not regular)


def who_receives(
    codes: Sequence[ChannelCode], *, now: datetime
) -> tuple[dict[int, Receiving], Roster]:
    """For each code by id; the roster names the people. The same queries for any number."""
    shifts: dict[int, list[CodeShift]] = defaultdict(list)
    for shift in CodeShift.objects.filter(code_id__in=[code.pk for code in codes]):
        shifts[shift.code_id].append(shift)
    every = [shift for rows in shifts.values() for shift in rows]
    roster = roster_for(codes, every, now)
    return {code.pk: receiving(code, shifts[code.pk], roster) for code in codes}, roster


def refresh_duty(*, now: datetime, code_ids: Sequence[int] | None = None) -> int:
    """Bring what each running code should say to the present; only codes that changed become due.

    Returns how many changed. In chunks by key, each its own transaction.
    """
    running = ChannelCode.objects.running().in_wecom().order_by("pk")
    if code_ids is not None:
        running = running.filter(pk__in=code_ids)
    changed, last = 0, 0
    while chunk := list(running.filter(pk__gt=last)[:CHUNK]):
        last = chunk[-1].pk
        changed += _refresh(chunk, now)
    return changed


@transaction.atomic
def _refresh(codes: list[ChannelCode], now: datetime) -> int:
    found, roster = who_receives(codes, now=now)
    changed, moved = [], []
    for code in codes:
        now_on = found[code.pk]
        users = sorted(roster.guides[pk].wecom_userid for pk in now_on.guide_ids)
        nobody_since = (code.nobody_since or now) if now_on.stand_in else None
        if (users, nobody_since) == (code.wanted_users, code.nobody_since):
            continue
        if users != code.wanted_users:
            moved.append(code.pk)
        code.wanted_users, code.nobody_since = users, nobody_since
        changed.append(code)
    ChannelCode.objects.bulk_update(changed, ["wanted_users", "nobody_since"])
    # only these: what we read of the others' time is old, somebody may have stopped one meanwhile.
    # A new name on the list may also be what WeCom's refusal was about
    if moved:
        ChannelCode.objects.filter(pk__in=moved).update(due_at=now)
        wake(PUSH_JOB)
    return len(moved)


def bar(*, guide: Guide, errcode: int, now: datetime, hours: int = 12) -> None:
    """Leave a guide out of all codes for a while; WeCom may take them later."""
    GuideBar.objects.update_or_create(
        guide=guide, defaults={"errcode": errcode, "until": now + timedelta(hours=hours)}
    )


def preview(
    *, code: ChannelCode, shifts: Sequence[CodeShift], now: datetime
) -> tuple[list[Guide], bool]:
    """Who would receive if the code were saved like this; and whether they only stand in."""
    roster = roster_for([code], shifts, now)
    found = receiving(code, shifts, roster)
    return [roster.guides[pk] for pk in found.guide_ids], found.stand_in
