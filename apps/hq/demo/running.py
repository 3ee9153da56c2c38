"""What is under way on the day the demo begins, done by the people who would do it.

Yesterday head office handed out three pushes without customers, and in the store of the tour a
photo was taken, two members joined and a guide offered a script. Today a guide of that store is
off and covered, and another asks to see a customer of the next store.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.appointments import services as appointments
from apps.appointments.models import Kind as AppointmentKind
from apps.cases import services as cases
from apps.concessions import models as concessions
from apps.concessions import services as conceding
from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskItem, TaskPush
from apps.handovers.models import OwnershipClaim
from apps.handovers.services import claim_member, start_cover
from apps.hq.demo import picture
from apps.hq.demo.chain import Chain
from apps.hq.demo.members import Person, customer_of
from apps.hq.demo.people import phone_of
from apps.hq.demo.phones import Phones
from apps.members.models import (
    AccessRequest,
    Consent,
    MemberIdentity,
    ServingPeriod,
)
from apps.members.services.drafts import write_draft
from apps.members.services.identities import ConsentRow, MemberRow, resolve_members
from apps.members.services.relations import FollowRow, set_serving_guide, start_follows
from apps.outreach.services.access_news import ask_for_access
from apps.outreach.services.notices import send_notices
from apps.outreach.services.proposals import propose_script
from apps.reports.scripts import count_scripts
from apps.stores.models import Guide, Region
from apps.stores.selectors import actor_for
from apps.stores.services import set_day_off, user_of_guide
from apps.stores.visits import Wanted, keep_visit

SHOWN_STORE, _NEXT_STORE, _FAR_STORE = "sh01", "sh02", "hz01"
_REGION = "hd"
_QUOTA = 3
# which guide of the store won a member, and when
_JOINED = ((1, 14, 20), (1, 16, 45), (2, 17, 10))
# since when the customer two guides care for is a friend of the second
_KNOWN = timedelta(days=40)
# phone numbers behind those of all invented people
_FIRST_NEW = 90_000_000


@dataclass(frozen=True)
class _Pushes:
    display: TaskPush
    group: TaskPush


def begin(chain: Chain, people: list[Person], *, phones: Phones, now: datetime) -> None:
    """Yesterday and this morning. The simulator's clock stands wherever this leaves it."""
    yesterday = clock.business_day(now) - timedelta(days=1)
    handed_out = _at(yesterday, 9, 5)
    with clock.at(handed_out):
        made = _hand_out(now=handed_out)
    phones.post("/sim/clock", now=handed_out.timestamp())
    send_notices(now=handed_out)
    for guide, hour, minute in _JOINED:
        _join(chain, guide, _at(yesterday, hour, minute))
    guide_tasks.count_quotas(now=now)
    evening = _at(yesterday, 18, 10)
    with clock.at(evening):
        _work(chain, made, now=evening)
        _offer_script(chain, now=evening)
        _to_invite(chain, now=evening)
        _visit(chain, now=evening)
        _book(chain, now=evening)
        _complain(chain, now=evening)
    _away(chain, now=now)
    _ask(chain, people, now=now)
    _claim(chain, people, phones=phones, now=now)
    _concede(chain, now=now)
    count_scripts(now=now)


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return clock.day_start(day) + timedelta(hours=hour, minutes=minute)


def _actor(guide: Guide, now: datetime) -> Actor:
    return actor_for(user=user_of_guide(guide=guide), now=now)


def _id(what: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"demo:{what}")


# --- head office ----------------------------------------------------------------------------------


def _hand_out(*, now: datetime) -> _Pushes:
    regions = [Region.objects.get(code=_REGION)]
    due_at = _at(clock.business_day(now) + timedelta(days=3), 20)
    kind = TaskPush.Kind
    quota = guide_tasks.WantedItems(
        kind=kind.RECRUIT,
        title="周末开卡 3 位",
        body="结账时请顾客扫您的开卡码，手机号和同意都由顾客自己填。",
        quota=_QUOTA,
        quota_of=TaskPush.QuotaOf.MEMBERS,
        due_at=due_at,
        regions=regions,
    )
    display = guide_tasks.WantedItems(
        kind=kind.DISPLAY,
        title="秋冬新靴上架陈列",
        body="新靴放在进门第一排，尺码牌朝外，拍一张全景。",
        once_per_store=True,
        due_at=due_at,
        regions=regions,
    )
    group = guide_tasks.WantedItems(
        kind=kind.GROUP,
        title="清点试穿鞋缺码",
        body="每店一次，谁有空谁做，缺码报给店长。",
        due_at=due_at,
        regions=regions,
    )
    _quota, shown, counted = (
        guide_tasks.create_item_push(wanted=wanted, actor=SYSTEM, now=now)
        for wanted in (quota, display, group)
    )
    return _Pushes(display=shown, group=counted)


# --- the stores, yesterday ------------------------------------------------------------------------


def _join(chain: Chain, guide_number: int, at: datetime) -> None:
    """Somebody scanned the guide's code and agreed on their own phone."""
    guide, store = chain.guides_of[SHOWN_STORE][guide_number], chain.stores[SHOWN_STORE]
    number = _FIRST_NEW + at.hour * 60 + at.minute
    purposes = (
        Consent.Purpose.MEMBERSHIP,
        Consent.Purpose.WECOM_MARKETING,
        Consent.Purpose.PROFILING,
    )
    with clock.at(at):
        answer = resolve_members(
            rows=[
                MemberRow(
                    identities=[(str(MemberIdentity.Kind.PHONE), "", phone_of(number))],
                    joined_at=at,
                    source="join_page",
                    home_store_id=store.pk,
                    enrolling_guide_id=guide.pk,
                    consents=[ConsentRow(p, "2026-01", "join_page", at) for p in purposes],
                )
            ],
            now=at,
            source="demo",
            actor=SYSTEM,
        )[0]
        if answer.member_id is None:
            raise RuntimeError(f"demo member at {at}: {answer.error}")
        set_serving_guide(
            pairs=[(answer.member_id, guide.pk, store.pk)],
            reason="enrolled",
            now=at,
            actor=SYSTEM,
        )


def _item(push: TaskPush, chain: Chain, store: str) -> TaskItem:
    return TaskItem.objects.get(push=push, store=chain.stores[store])


def _work(chain: Chain, made: _Pushes, *, now: datetime) -> None:
    """One photo waits for the manager of the tour, one is approved elsewhere, one list is done."""
    photo = picture.shelf()
    for store, note in ((SHOWN_STORE, "尺码牌换了新的"), (_FAR_STORE, "")):
        item = _item(made.display, chain, store)
        actor = _actor(chain.guides_of[store][2], now)
        guide_tasks.hand_in_photo(item=item, raw=photo, note=note, actor=actor, now=now)
        if store == _FAR_STORE:
            manager = _actor(chain.guides_of[store][0], now)
            guide_tasks.approve_item(item=item, actor=manager, now=now)
    guide_tasks.report_item(
        item=_item(made.group, chain, _NEXT_STORE),
        note="缺 37 码两双，已报店长",
        actor=_actor(chain.guides_of[_NEXT_STORE][1], now),
        now=now,
    )


def _offer_script(chain: Chain, *, now: datetime) -> None:
    propose_script(
        guide=chain.guides_of[SHOWN_STORE][3],
        store=chain.stores[SHOWN_STORE],
        name="试穿邀请，不买也没关系",
        body="{称呼}您好，我是{门店}的{导购}。新靴的{尺码}我给您留着，路过上来试试，不买也没关系。",
        client_id=_id("script"),
        now=now,
    )


def _to_invite(chain: Chain, *, now: datetime) -> None:
    """Somebody without a phone at hand, noted by the guide of the tour."""
    write_draft(
        guide_id=chain.guides_of[SHOWN_STORE][1].pk,
        store_id=chain.stores[SHOWN_STORE].pk,
        called="穿米色风衣的女士",
        words="试了短靴 37 码，周末带先生来",
        client_id=_id("draft"),
        now=now,
    )


def _visit(chain: Chain, *, now: datetime) -> None:
    """Who leads the region came by and left two things to follow."""
    lead = actor_for(user=User.objects.get(role=Role.REGION_MANAGER), now=now)
    today = clock.business_day(now)
    keep_visit(
        store=chain.stores[SHOWN_STORE],
        note="新靴陈列显眼，试穿区灯偏暗；两位顾客等了一会儿才有人招呼。",
        items=[
            Wanted("换试穿区的灯", today + timedelta(days=3)),
            Wanted(
                "周末高峰排一人迎宾", today + timedelta(days=2), chain.guides_of[SHOWN_STORE][0]
            ),
        ],
        actor=lead,
        now=now,
        client_id=_id("visit"),
    )


def _book(chain: Chain, *, now: datetime) -> None:
    """Two customers of the guide of the tour come to the store, today and tomorrow."""
    guide = chain.guides_of[SHOWN_STORE][1]
    served = ServingPeriod.objects.current().filter(guide=guide).order_by("member_id")
    today = clock.business_day(now) + timedelta(days=1)
    wanted = (
        (_at(today, 19), AppointmentKind.FITTING, "备好 38 码短靴和新到的羊绒衫"),
        (_at(today + timedelta(days=1), 16, 30), AppointmentKind.ALTERATION, "改裤长"),
    )
    ids = served.values_list("member_id", flat=True)[: len(wanted)]
    for member_id, (starts_at, kind, note) in zip(ids, wanted, strict=False):
        appointments.book(
            member_id=member_id,
            guide_id=guide.pk,
            kind=kind,
            starts_at=starts_at,
            note=note,
            client_id=_id(f"appointment:{kind}"),
            actor=_actor(guide, now),
            now=now,
        )


def _complain(chain: Chain, *, now: datetime) -> None:
    """Five customers of the tour's store complained: one in each state, one is head office's."""
    people = chain.guides_of[SHOWN_STORE]
    guide, manager = _actor(people[1], now), _actor(people[0], now)
    joined = ServingPeriod.objects.current().filter(guide=people[1], member__joined_at__lt=now)
    told = (
        ("quality", "羊绒衫洗了一次就起球，想换一件"),
        ("size", "网上买的短靴偏小一码"),
        ("delivery", "快递三天没有更新"),
        ("attitude", "排队时没有人招呼"),
        ("quality", "大衣扣子掉了"),
    )
    ids = joined.order_by("-member_id").values_list("member_id", flat=True)[: len(told)]
    opened = [
        cases.open_case(
            member_id=member_id,
            kind=kind,
            words=words,
            client_id=_id(f"case:{words}"),
            actor=guide,
            now=now,
        ).pk
        for member_id, (kind, words) in zip(ids, told, strict=False)
    ]
    for case_id in opened[:2]:
        cases.add_photos(case_id=case_id, raws=[picture.shelf()], actor=guide, now=now)
    for case_id in opened[1:2]:
        cases.take_up(case_id=case_id, actor=manager, now=now)
    for case_id in opened[2:4]:
        cases.close(
            case_id=case_id,
            result="explained",
            words="已道歉并说明原因",
            actor=manager,
            now=now,
        )
    for case_id in opened[3:4]:
        cases.reopen(case_id=case_id, words="顾客说还没有收到回复", actor=manager, now=now)
    hq = actor_for(user=User.objects.get(username="hq"), now=now)
    for case_id in opened[4:]:
        cases.take_up(case_id=case_id, actor=hq, now=now)


# --- the tour's store, today ----------------------------------------------------------------------


def _away(chain: Chain, *, now: datetime) -> None:
    """The fourth guide is off today, the third does the work."""
    store, today = chain.stores[SHOWN_STORE], clock.business_day(now)
    people = chain.guides_of[SHOWN_STORE]
    manager = _actor(people[0], now)
    set_day_off(guide=people[4], store=store, day=today, off=True, actor=manager, now=now)
    start_cover(
        store=store,
        absent=people[4],
        covering=people[3],
        first=today,
        last=today,
        actor=manager,
        now=now,
    )


def _ask(chain: Chain, people: list[Person], *, now: datetime) -> None:
    """A customer of the next store called the second guide, who asks for a look at the card."""
    guide = chain.guides_of[SHOWN_STORE][2]
    person = next(one for one in people if one.store == _NEXT_STORE and one.guide and one.joined_at)
    ask_for_access(
        member_id=person.member_id,
        guide_id=guide.pk,
        reason=AccessRequest.Reason.CALLED,
        client_id=_id("access"),
        actor=_actor(guide, now),
        now=now,
    )


def _claim(chain: Chain, people: list[Person], *, phones: Phones, now: datetime) -> None:
    """A customer of a colleague added another guide as well and asks for her: who serves TA?"""
    _manager, asker, *others = chain.guides_of[SHOWN_STORE]
    person = next(one for one in people if one.guide in others and one.is_friend)
    since = now - _KNOWN
    seen = customer_of(person, asker, since)
    phones.post("/sim/seed", departments=[], users=[], customers=[seen])
    follow = FollowRow(asker.corp_id, asker.pk, person.member_id, person.external_userid, since)
    start_follows(rows=[follow], now=since)
    claim_member(
        member_id=person.member_id,
        reason=OwnershipClaim.Reason.ASKED,
        client_id=_id("claim"),
        actor=_actor(asker, now),
        now=now,
    )


def _concede(chain: Chain, *, now: datetime) -> None:
    """What the tour's store asks for beyond the terms: two wait for its manager, one waits for the
    region, one was granted and one refused."""
    manager, asker, colleague = chain.guides_of[SHOWN_STORE][:3]
    kind, why = concessions.Kind, concessions.Reason
    wishes: tuple[tuple[Guide, int, str, bool | None], ...] = (
        (asker, 8, why.LOYAL, None),
        (colleague, 5, why.LAST_PIECE, None),
        (asker, 15, why.MAKE_GOOD, None),
        (asker, 10, why.LOYAL, True),
        (colleague, 10, why.GIFT, False),
    )
    for number, (guide, percent, reason, answer) in enumerate(wishes):
        served = ServingPeriod.objects.current().filter(guide=guide).order_by("-member_id")
        ids = served.values_list("member_id", flat=True)[number : number + 1]
        for member_id in ids:
            row = conceding.ask(
                member_id=member_id,
                kind=kind.DISCOUNT,
                percent=percent,
                reason=reason,
                client_id=_id(f"concession:{number}"),
                actor=_actor(guide, now),
                now=now,
            )
            if answer is not None:
                actor = _actor(manager, now)
                conceding.decide(concession_id=row.pk, grant=answer, actor=actor, now=now)
