"""Two regions that must not see each other, everybody who may sign in, one row of everything each.

`own` lies in the east, where the store manager, the guide and the region manager work; `colleague`
is another guide's row in the same store; `foreign` is the same in the west, none of their business.
"""

import hashlib
import uuid
from datetime import date, time, timedelta
from types import SimpleNamespace

from django.core.files.base import ContentFile
from django_celery_beat.models import PeriodicTask
from psycopg.types.range import DateRange

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import API_CAPABILITIES, Role
from apps.accounts.models import AuditEntry, User
from apps.appointments.models import Appointment
from apps.cases.models import ServiceCase
from apps.concessions.models import Concession, ConcessionTerms
from apps.contact_codes.models import ChannelCode
from apps.customer_groups.models import CustomerGroup, GroupCode, GroupSend, GroupWelcome
from apps.guide_portal.models import LeadingFacts
from apps.guide_tasks.models import (
    GuideTask,
    PushSeries,
    SeriesOccurrence,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import ensure_default_rules, forecast, hand_in_photo
from apps.handovers.models import HandoverRun, OwnershipClaim, Reassignment
from apps.hq.picture_form import sealed
from apps.looks.models import Look
from apps.loyalty.models import Coupon, PointsEntry, PointsTerms
from apps.member_portal.models import ConsentText, DataRequest
from apps.members import services as members
from apps.members.models import AccessRequest
from apps.newcomers.models import PlanStep
from apps.news.models import News
from apps.orders.models import Order
from apps.outreach import services as outreach
from apps.outreach.models import (
    Attachment,
    ButtonAnswer,
    GuideNotice,
    MessageTemplate,
    MomentPost,
    ScriptVariant,
    SmsMessage,
    TrackedLink,
    Welcome,
)
from apps.profiles.models import StageVersion
from apps.profiles.services import refresh_profiles
from apps.risks.models import RiskCase
from apps.segments.models import Segment
from apps.stock.models import StockLevel, StockRequest, StockTerms
from apps.stores.models import Cover, Guide, LegalEntity, Posting, ScopeGrant, VisitItem
from apps.stores.services import user_of_guide
from apps.stores.visits import Wanted, keep_visit
from apps.tagging.models import Tag, TagGroup
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp, RawCallback
from apps.wecom_sync.models import CorpTag, GuideDay, StoreMove, SyncRun, TagWord
from tests.factories.appointments import book_tomorrow
from tests.factories.cases import complain, show_photo
from tests.factories.commissions import commission_line, commission_question, make_rule
from tests.factories.coupons import give, make_coupon, tell_points
from tests.factories.facts import make_guide, make_member, make_product, make_store
from tests.factories.items import jpeg, make_item_push, png
from tests.factories.looks import put_together
from tests.factories.news import post_news
from tests.factories.outreach import CORP, make_asset, make_friends
from tests.factories.tasks import (
    buy,
    guide_actor,
    hand_out,
    make_push,
    make_team,
    members_of,
    tap,
    target_of,
)

HQ_WITHOUT_SCOPE = (Role.HQ_ADMIN, Role.HQ_OPERATOR, Role.AUDITOR)
ROLES = (*HQ_WITHOUT_SCOPE, Role.REGION_MANAGER, Role.STORE_MANAGER, Role.GUIDE)


def _manager(store):
    guide = make_guide(None, corp=CORP)
    Posting.objects.create(
        guide=guide, store=store, role="store_manager", during=DateRange(date(2020, 1, 1), None)
    )
    return guide


def _side(now, region, guides):
    """One region: a store, its guides with two friends each, a push handed out, orders."""
    store = make_store(region=region)
    team = make_team(now, guides=guides, friends=2, store=store)
    asset = make_asset()
    push = hand_out(members_of(team), now, asset=asset, title=f"任务 {region}")
    orders = [buy(members[1], store, now - timedelta(hours=1), now=now) for _g, members in team]
    silent = _silent(now, team[0][0], store)
    gone = _gone(now, store)
    sends = [tap(target_of(push, members[0]), now) for _guide, members in team]
    return SimpleNamespace(
        store=store,
        region=store.region,
        team=team,
        asset=asset,
        push=push,
        silent=silent,
        gone=gone,
        cover=_planned_cover(now, team[0][0], gone, store),
        orders=[Order.objects.get(pk=pk) for pk in orders],
        sends=sends,
    )


def _silent(now, guide, store):
    """A customer nobody has written to and who has not bought for long: whom to push next."""
    [(member, _external)] = make_friends(guide, 1, since=now - timedelta(days=400))
    buy(member, store, now - timedelta(days=250), now=now)
    refresh_profiles(member_ids=[member.pk], now=now)
    return member


def _gone(now, store):
    """Somebody who worked in the store until last week."""
    guide = make_guide(None, corp=CORP)
    until = now.date() - timedelta(days=7)
    Posting.objects.create(guide=guide, store=store, during=DateRange(date(2020, 1, 1), until))
    Guide.objects.filter(pk=guide.pk).update(status="left", left_at=now - timedelta(days=7))
    return guide


def _planned_cover(now, guide, other, store):
    """Somebody who will be covered next month."""
    first = now.date() + timedelta(days=30)
    return Cover.objects.create(
        store=store, absent=guide, covering=other,
        during=DateRange(first, first + timedelta(days=2)),
    )  # fmt: skip


def _users(east):
    users = {
        role: User.objects.create(username=role, role=role, is_active=True)
        for role in (*HQ_WITHOUT_SCOPE, Role.REGION_MANAGER)
    }
    ScopeGrant.objects.create(user=users[Role.REGION_MANAGER], region=east.region)
    users[Role.STORE_MANAGER] = user_of_guide(guide=_manager(east.store))
    users[Role.GUIDE] = user_of_guide(guide=east.team[0][0])
    return users


def make_world(now):
    StageVersion.objects.create(published_at=now - timedelta(days=600))
    ensure_default_rules(now=now)
    east, west = _side(now, "east", guides=2), _side(now, "west", guides=1)
    users = _users(east)
    draft = make_push([*members_of(east.team), east.silent], now, title="草稿")
    forecast(push=draft, now=now)
    both = hand_out([east.silent, west.silent], now, title="两区的任务")
    key, raw = accounts.create_api_key(
        name="till",
        scopes=sorted(API_CAPABILITIES),
        created_by=users[Role.HQ_ADMIN],
        chain_wide=True,
    )
    narrow, narrow_raw = accounts.create_api_key(
        name="one store", scopes=sorted(API_CAPABILITIES), created_by=users[Role.HQ_ADMIN]
    )
    ScopeGrant.objects.create(api_key=narrow, store=east.store)
    return SimpleNamespace(
        now=now,
        items=_items(now, east, west),
        series=tuple(_series(now, side, users[Role.HQ_OPERATOR]) for side in (east, west)),
        runs=tuple(_run(now, side) for side in (east, west)),
        risks=_risks(now, east, west),
        moves=_moves(now, east, west),
        visit_items=tuple(_visited(now, side).pk for side in (east, east, west)),
        east=east,
        west=west,
        users=users,
        draft=draft,
        both=both,
        key=raw,
        key_of_one_store=narrow_raw,
        rows=_admin_rows(now, east, west, key),
    )


def _items(now, east, west):
    """Photos that wait for approval: the store's, a colleague's and one of the west."""
    shared = make_item_push(now, kind="display", once_per_store=True, stores=[east.store])
    each = make_item_push(now, kind="display", stores=[east.store, west.store])
    colleague, far = east.team[1][0], west.team[0][0]
    items = [
        (TaskItem.objects.get(push=shared), east.team[0][0]),
        (TaskItem.objects.get(push=each, guide=colleague), colleague),
        (TaskItem.objects.get(push=each, guide=far), far),
    ]
    for item, guide in items:
        actor = guide_actor(guide, now)
        hand_in_photo(item=item, raw=jpeg(), note="", actor=actor, now=now)
    return tuple(item.pk for item, _guide in items)


def _run(now, side):
    """A handover that waits for the region's word."""
    return HandoverRun.objects.create(
        corp_id=CORP, kind="resigned", guide=side.gone, store=side.store, to_store=side.store,
        state="to_approve", planned_by="test", planned_at=now,
    )  # fmt: skip


def _moves(now, east, west):
    """A guide of each side sits in the other side's department."""
    own, far = (
        StoreMove.objects.create(
            guide=side.team[0][0], from_store=side.store, to_store=other.store, seen_at=now
        )
        for side, other in ((east, west), (west, east))
    )
    return own, own, far


def _risks(now, east, west):
    """A signal about a guide of each side that waits for somebody."""
    own, far = (
        RiskCase.objects.create(
            signal="deletes", guide=side.team[0][0], store=side.store,
            since=now - timedelta(days=30),
            until=now, figures={"customers": 12, "back": 0}, found_at=now,
        )
        for side in (east, west)
    )  # fmt: skip
    return own, own, far


def _pattern(now):
    push = make_push([], now, title="周期")
    TaskPush.objects.filter(pk=push.pk).update(status="pattern")
    return push


def _series(now, side, owner):
    """The side's push repeats and was itself one of its days."""
    series = PushSeries.objects.create(
        pattern=_pattern(now), owner=owner, status="running",
        every="week", number=1, starts_on=now.date(), hour=time(10), due_hour=time(21),
        next_on=now.date() + timedelta(days=7), next_at=now + timedelta(days=7),
    )  # fmt: skip
    SeriesOccurrence.objects.create(series=series, on=now.date(), push=side.push, decided_at=now)
    return series.pk


def _visited(now, side):
    """Something to follow after a visit of the store."""
    wanted = [Wanted("换灯", now.date() + timedelta(days=3), side.team[0][0])]
    keep_visit(
        store=side.store, note="看了橱窗", items=wanted, actor=SYSTEM, now=now,
        client_id=uuid.uuid4(),
    )  # fmt: skip
    return VisitItem.objects.filter(store=side.store).latest("pk")


def _shared(now, east, key):
    """Rows without a place: everybody who may see the list sees them all."""
    group = TagGroup.objects.create(name="偏好")
    tag = Tag.objects.create(group=group, name="通勤")
    corp = Corp.objects.get(corp_id=CORP)
    endpoint = CallbackEndpoint.objects.filter(corp=corp).first()
    return [
        PeriodicTask.objects.first(),
        SyncRun.objects.create(kind="contacts", corp_id=CORP, state="done"),
        MessageTemplate.objects.create(name="话术", body="您好", generic_body="您好"),
        east.asset,
        east.push.campaign,
        StageVersion.objects.first(),
        group,
        tag,
        CorpTag.objects.create(
            corp_id=CORP, wecom_id="et1", tag=tag, name_there="通勤", seen_at=now
        ),
        TagWord.objects.create(
            at=now,
            corp_id=CORP,
            member_id=east.silent.pk,
            guide=east.team[0][0],
            tag=tag,
            side="hq",
            added=True,
            outcome="sent",
        ),
        make_product(),
        make_rule(),
        StockTerms.objects.create(),
        ConcessionTerms.objects.create(),
        PointsTerms.objects.create(),
        LeadingFacts.objects.create(),
        PlanStep.objects.create(day=1, title="认识同事", proof="told"),
        StockLevel.objects.create(store=east.store, product=make_product(), quantity=3, as_of=now),
        east.region,
        LegalEntity.objects.first(),
        ScopeGrant.objects.first(),
        corp,
        CorpApp.objects.filter(corp=corp).first(),
        endpoint,
        RawCallback.objects.create(
            key=hashlib.sha256(b"one").digest(), endpoint=endpoint, event="x", fields={}
        ),
        User.objects.get(username=Role.HQ_OPERATOR),
        key,
        AuditEntry.objects.first() or _audited(),
        Segment.objects.first(),
        *_of_members(now, east),
    ]


def _of_members(now, east):
    """What customers' pages leave for head office."""
    sms = SmsMessage.objects.create(
        idem_key="test", kind="code", phone_key=b"k" * 16, phone_enc=b"p", body_enc=b"b",
        not_before=now, expires_at=now + timedelta(minutes=5),
    )  # fmt: skip
    text = ConsentText.objects.create(
        purpose="membership", version="2019-01", title="会员服务", body="正文", valid_from=now
    )
    request = DataRequest.objects.create(
        member=east.silent, kind="erase", client_id=uuid.uuid4(), asked_at=now, due_on=now.date()
    )
    coupon = make_coupon(now)
    return [sms, text, request, coupon]


def _audited():
    accounts.audit(actor=SYSTEM, action="test.done")
    return AuditEntry.objects.latest("pk")


def _notice(side, now):
    guide = side.team[0][0]
    found = GuideNotice.objects.filter(guide=guide).first()
    return found or GuideNotice.objects.create(
        guide=guide, source="test", title="t", body="b", path="/g/", not_before=now
    )


def _pressed(side, now):
    return ButtonAnswer.objects.create(
        notice=_notice(side, now), not_before=now, expires_at=now + timedelta(hours=72)
    )


def _welcome(side, now):
    guide = side.team[0][0]
    return Welcome.objects.create(
        corp_id=CORP, code=f"code-{guide.pk}", guide=guide, external_userid="wm1", told_at=now,
        expires_at=now + timedelta(seconds=20), not_before=now,
    )  # fmt: skip


def _coupon_given(side, now):
    guide, members = side.team[0]
    return give(Coupon.objects.first() or make_coupon(now), members[0], now, guide=guide)


def _points_of(side, now):
    number = f"P-{side.store.code}"
    entry = PointsEntry.objects.filter(source="pos", external_no=number).first()
    return entry or tell_points(side.team[0][1][0], 100, now=now, number=number)


def _appointment_of(side, now):
    guide, members = side.team[0]
    found = Appointment.objects.filter(guide=guide).first()
    return found or book_tomorrow(members[1], guide, now)


def _case_of(guide, members, now):
    return ServiceCase.objects.filter(guide=guide).first() or complain(members[1], guide, now)


def _case_photo(guide, members, now):
    case = _case_of(guide, members, now)
    return case.photos.first() or show_photo(case, guide, now)[0]


def _reassignment_of(guide, now):
    found = Reassignment.objects.filter(guide=guide).first()
    return found or Reassignment.objects.create(
        kind="assigned",
        guide=guide,
        store=guide.postings.get().store,
        customers=1,
        given_by="system",
        given_at=now,
        from_on=now.date(),
    )


def _piece_of(guide, now):
    """A store beside asks the guide's store for a piece."""
    here = guide.postings.get().store
    found = StockRequest.objects.filter(giving_store=here).first()
    if found is not None:
        return found
    asking = make_store(region=here.region.code)
    return StockRequest.objects.create(
        member=make_member(),
        product=make_product(),
        kind="send",
        asking_guide=make_guide(asking, corp=CORP),
        asking_store=asking,
        giving_store=here,
        needs_manager=False,
        giver_percent=30,
        hold_hours=24,
        travel_hours=72,
        asked_at=now,
        due_at=now + timedelta(hours=1),
        client_id=uuid.uuid4(),
    )


def _look_of(guide, now):
    return Look.objects.filter(guide=guide).first() or put_together(guide, now)


def _news_for(side, now):
    found = News.objects.filter(regions=side.region).first()
    return found or post_news(now, title=f"资讯 {side.region}", regions=[side.region])


def _guide_day(side, now):
    """More declared than WeCom counted, the day before."""
    day, guide = now.date() - timedelta(days=1), side.team[0][0]
    fields = {"store": side.store, "declared": 9, "chats": 1, "counted_at": now}
    return GuideDay.objects.get_or_create(guide=guide, day=day, defaults=fields)[0]


def _placed(side, now):
    guide, members = side.team[0]
    return [
        _case_of(guide, members, now),
        _appointment_of(side, now), _look_of(guide, now), _piece_of(guide, now),
        _news_for(side, now), _concession(guide, now),
        members[0], side.orders[0], side.store, guide, side.sends[0], _notice(side, now),
        _guide_day(side, now), _welcome(side, now), _pressed(side, now), _coupon_given(side, now),
        _points_of(side, now),
    ]  # fmt: skip


def _admin_rows(now, east, west, key):
    """Model label → (own row, foreign row or None when the model knows no place)."""
    rows = {row._meta.label: (row, None) for row in _shared(now, east, key)}
    pairs = zip(_placed(east, now), _placed(west, now), strict=True)
    return rows | {own._meta.label: (own, foreign) for own, foreign in pairs}


def numbers_of(world, role):
    """Path arguments by name → (own, colleague's, foreign) as this role sees it."""
    user = world.users.get(role)
    worker = Guide.objects.filter(user=user).first() if user else None
    mine, others = world.east.team[0], world.east.team[1]
    if worker is not None and worker.pk != mine[0].pk:
        # the store manager has customers and a task, too
        mine = _own_work(world, worker)
    far = world.west.team[0]
    sides = [mine, others, far]

    def each(find):
        return tuple(find(*side) for side in sides)

    return {
        "task_id": each(lambda guide, _m: GuideTask.objects.filter(guide=guide).latest("pk").pk),
        "guide_id": each(lambda guide, _m: guide.pk),
        "store_id": (world.east.store.pk, world.east.store.pk, world.west.store.pk),
        "run_id": (world.runs[0].pk, world.runs[0].pk, world.runs[1].pk),
        "risk_id": tuple(case.pk for case in world.risks),
        "move_id": tuple(move.pk for move in world.moves),
        "gone_id": (world.east.gone.pk, world.east.gone.pk, world.west.gone.pk),
        "cover_id": (world.east.cover.pk, world.east.cover.pk, world.west.cover.pk),
        "target_id": each(lambda guide, _m: TaskTarget.objects.filter(guide=guide).latest("pk").pk),
        "public_id": each(lambda _g, members: members[1].public_id),
        "member_id": each(lambda _g, members: members[1].pk),
        "region_id": tuple(side.store.region_id for side in (world.east, world.east, world.west)),
        "push_id": (world.east.push.pk, world.east.push.pk, world.west.push.pk),
        "series_id": (world.series[0], world.series[0], world.series[1]),
        "draft_id": (world.draft.pk,) * 3,
        "enrol_draft_id": each(lambda guide, _m: _enrol_draft(world, guide).pk),
        "corp_app_id": (CorpApp.objects.first().pk,) * 3,
        "endpoint_id": (CallbackEndpoint.objects.first().pk,) * 3,
        "segment_id": (Segment.objects.first().pk,) * 3,
        "dispatch_id": (world.east.sends[0].pk, world.east.sends[1].pk, world.west.sends[0].pk),
        "tag_id": (Tag.objects.first().pk,) * 3,
        "job_id": (PeriodicTask.objects.first().pk,) * 3,
        "day_id": (
            _guide_day(world.east, world.now).pk,
            _guide_day(world.east, world.now).pk,
            _guide_day(world.west, world.now).pk,
        ),
        "item_id": world.items,
        "appointment_id": each(lambda guide, members: _appointment(world, guide, members).pk),
        "case_id": each(lambda guide, members: _case_of(guide, members, world.now).pk),
        "case_photo_id": each(lambda guide, members: _case_photo(guide, members, world.now).pk),
        "reassignment_id": each(lambda guide, _m: _reassignment_of(guide, world.now).pk),
        "line_id": each(lambda guide, _m: commission_line(guide, world.now).pk),
        "question_id": (commission_question(mine[0], world.now).pk,) * 3,
        "piece_id": each(lambda guide, _m: _piece_of(guide, world.now).pk),
        "step_id": (PlanStep.objects.first().pk,) * 3,
        "news_id": tuple(
            _news_for(side, world.now).pk for side in (world.east, world.east, world.west)
        ),
        "look_id": each(lambda guide, _m: _look_of(guide, world.now).pk),
        "product_id": (StockLevel.objects.first().product_id,) * 3,
        "look_code": (_look_of(world.east.team[0][0], world.now).code,) * 3,
        "visit_item_id": world.visit_items,
        "code": (TrackedLink.objects.first().code,) * 3,
        "request_id": each(lambda guide, _m: _request(world, guide).pk),
        "concession_id": each(lambda guide, _m: _concession(guide, world.now).pk),
        "claim_id": each(lambda guide, _m: _claim(world, guide).pk),
        "script_id": (_open_script().pk,) * 3,
        "variant_id": (_wording(world).pk,) * 3,
        "moment_id": (_unknown_post(world).pk,) * 3,
        "group_send_id": (_unknown_group_send(world).pk,) * 3,
        "code_id": tuple(_store_code(side).pk for side in (world.east, world.east, world.west)),
        "code_slug": (_store_code(world.east).slug,) * 3,
        "group_id": each(lambda guide, _m: _group(world, guide).pk),
        "group_code_id": (_group_thing(GroupCode, world).pk,) * 3,
        "group_welcome_id": (_group_thing(GroupWelcome, world, text="欢迎").pk,) * 3,
        "attachment_id": (_attachment().pk,) * 3,
        "cover_name": (_cover().picture.name[len("attachments/") : -len(".png")],) * 3,
        "sealed_picture": (sealed(_attachment().picture.name),) * 3,
        "proposal_id": each(lambda guide, _m: _proposal(world, guide).pk),
    }


def _appointment(world, guide, members):
    """Tomorrow afternoon with this guide."""
    return _appointment_of(SimpleNamespace(team=[(guide, members)]), world.now)


def _open_script():
    """Head office's script that stores may say their own way."""
    MessageTemplate.objects.filter(name="话术").update(stores_may_edit=True)
    return MessageTemplate.objects.get(name="话术")


def _attachment():
    script = MessageTemplate.objects.get(name="话术")
    return Attachment.objects.get_or_create(
        script=script, kind="image", defaults={"picture": ContentFile(png(), name="photo.png")}
    )[0]


def _cover():
    fields = {"title": "会员商城", "appid": "wx1", "page": "pages/index"}
    return Attachment.objects.get_or_create(
        script=MessageTemplate.objects.get(name="话术"),
        kind="miniprogram",
        defaults={"picture": ContentFile(png(), name="cover.png"), **fields},
    )[0]


def _wording(world):
    script = _open_script()
    return ScriptVariant.objects.get_or_create(
        script=script, store=world.east.store, defaults={"body": "您好呀", "since": world.now}
    )[0]


def _unknown_group_send(world):
    return GroupSend.objects.get_or_create(
        source=world.east.push.source,
        guide=world.east.team[0][0],
        defaults={
            "corp_id": CORP,
            "text": "新款到店",
            "chat_ids": ["wrOfTheWorld"],
            "state": "unknown",
            "not_before": world.now,
            "closes_at": world.now,
        },
    )[0]


def _unknown_post(world):
    times = {"not_before": world.now, "closes_at": world.now}
    return MomentPost.objects.get_or_create(
        source="test", corp_id=CORP, defaults={"userids": [], "state": "unknown", **times}
    )[0]


def _store_code(side):
    """A poster's code of that store."""
    fields = {"title": "海报", "channel": "海报", "client_id": uuid.uuid4()}
    return ChannelCode.objects.get_or_create(
        corp_id=CORP, kind="store", store=side.store, defaults=fields
    )[0]


def _group(world, guide):
    """A customer group that this guide owns."""
    store = Posting.objects.filter(guide=guide).latest("pk").store
    fields = {"owner": guide, "store": store, "owner_userid": guide.wecom_userid}
    return CustomerGroup.objects.get_or_create(
        corp_id=CORP, chat_id=f"wrWorld{guide.pk}", defaults={"opened_at": world.now, **fields}
    )[0]


def _group_thing(model, world, **fields):
    """A code or a welcome of head office."""
    return model.objects.get_or_create(
        client_id=uuid.UUID(int=7),
        defaults={
            "corp_id": CORP, "name": "门口", "not_before": world.now, "created_by": "system",
            **fields,
        },
    )[0]  # fmt: skip


def _proposal(world, guide):
    """A guide's own script that waits for the manager."""
    store = Posting.objects.filter(guide=guide).latest("pk").store
    return outreach.propose_script(
        guide=guide, store=store, name=f"话术 {guide.pk}", body="您好", now=world.now,
        client_id=uuid.uuid4(),
    )  # fmt: skip


def _enrol_draft(world, guide):
    """Somebody this guide has still to invite."""
    store = Posting.objects.filter(guide=guide).latest("pk").store
    return members.write_draft(
        guide_id=guide.pk, store_id=store.pk, called="王女士", words="短靴", now=world.now,
        client_id=uuid.uuid4(),
    )  # fmt: skip


def _request(world, guide):
    """A guide asks to see somebody else's customer."""
    store = Posting.objects.filter(guide=guide).latest("pk").store
    waiting = AccessRequest.objects.waiting().filter(guide=guide)
    return waiting.first() or AccessRequest.objects.create(
        guide=guide, store=store, member=world.west.silent, reason="in_shop",
        client_id=uuid.uuid4(), asked_at=world.now,
    )  # fmt: skip


def _concession(guide, now):
    """A guide asks that a customer gets a discount."""
    return Concession.objects.get_or_create(
        guide=guide, state="waiting",
        defaults={
            "store": Posting.objects.filter(guide=guide).latest("pk").store,
            "member": make_member(), "kind": "discount", "percent": 5, "level": "store",
            "reason": "loyal", "client_id": uuid.uuid4(), "asked_at": now,
        },
    )[0]  # fmt: skip


def _claim(world, guide):
    """A guide asks to become a customer's serving guide."""
    store = Posting.objects.filter(guide=guide).latest("pk").store
    return OwnershipClaim.objects.get_or_create(
        guide=guide, state="waiting",
        defaults={
            "store": store, "member": world.west.silent, "level": "store", "reason": "sold",
            "client_id": uuid.uuid4(), "asked_at": world.now,
        },
    )[0]  # fmt: skip


def _own_work(world, worker):
    """Customers and a task of a guide who has none yet."""
    found = world.__dict__.setdefault("work_of", {})
    if worker.pk not in found:
        members = [member for member, _external in make_friends(worker, 2)]
        hand_out(members, world.now, title="店长的任务")
        found[worker.pk] = (worker, members)
    return found[worker.pk]
