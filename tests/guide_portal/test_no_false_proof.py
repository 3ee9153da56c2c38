"""Nothing a guide can reach raises a target above 已发起 while WeCom has not said "sent"."""

import random
import uuid

import pytest
from django.urls import reverse

from apps.guide_portal.models import ActionReceipt
from apps.guide_portal.urls import urlpatterns
from apps.guide_tasks.models import Evidence, Grade, Outcome, State, TaskItem, TaskTarget
from apps.outreach.models import Dispatch, DispatchRecipient, TrackedLink
from tests.factories.groups import make_group
from tests.factories.items import make_item_push
from tests.factories.tasks import hand_out, members_of, settle
from tests.guide_portal.conftest import open_shop, signed_in

WORDS = ["", "1", "3", "delivered", "sent", "2026-03-18T10:00:00+08:00", "已送达", "-1", "9" * 30]
# what a forger would try: our own columns, evidence sources, WeCom's status words
FIELDS = [
    "text",
    "reason",
    "confirmed",
    "grade",
    "contact_grade",
    "required_grade",
    "source",
    "state",
    "status",
    "outcome",
    "occurred_at",
    "target",
    "task",
    "push",
    "tag",
    "body",
    "chip",
    "words",
    "external_userid",
    "back",
    "actor",
    "guide_id",
    "msgid",
    "dispatch",
    "client_id",
]
SOURCES = ["dispatch_recipient:1", "link_click:1", "dispatch_recipient:", "task_target:1"]
REASONS = [
    "bought_already",
    "asked_to_stop",
    "moved_away",
    "just_talked",
    "other",
    "not_friend",
    "shut",
    "needless",
    "colleague",
]


def addresses(shop, dice):
    """Every guide-reachable address with ids of this shop, own and foreign."""
    targets = [*shop.targets, *shop.foreign]
    members = [*shop.members, *shop.others_members]
    items = list(TaskItem.objects.order_by("pk").values_list("pk", flat=True))
    for pattern in urlpatterns:
        kwargs = {}
        for name in pattern.pattern.converters:
            if name == "public_id":
                kwargs[name] = dice.choice(members).public_id
            elif name == "item_id":
                kwargs[name] = dice.choice(items)
            elif name == "client_id":
                kwargs[name] = uuid.UUID(int=dice.getrandbits(128))
            else:
                target = dice.choice(targets)
                kwargs[name] = target.task_id if name == "task_id" else target.pk
        if pattern.name != "sign_out":
            yield reverse(f"guide_portal:{pattern.name}", kwargs=kwargs)


def payload(dice, shop, ids):
    fields = {name: dice.choice(WORDS + SOURCES) for name in dice.sample(FIELDS, 6)}
    fields["client_id"] = dice.choice(ids)
    fields["reason"] = dice.choice(REASONS)
    fields["task"] = str(dice.choice(shop.targets).task_id)
    fields["item"] = str(dice.choice(shop.items))
    fields["day"] = dice.choice(["2026-03-19", "2026-03-25", "2020-01-01", "x"])
    fields["push"] = str(shop.push.pk)
    fields["external_userid"] = dice.choice(shop.targets).external_userid
    return fields


def hand_out_items(shop):
    """Store work of every kind, the guide's and the whole store's."""
    make_group(shop.guide, shop.store, shop.now)
    for fields in (
        {"kind": "free"},
        {"kind": "group"},
        {"kind": "display"},
        {"kind": "display", "once_per_store": True},
        {"kind": "recruit", "quota": 2, "quota_of": "friends"},
        {"kind": "moments"},
        {"kind": "group_send"},
    ):
        make_item_push(shop.now, stores=[shop.store], **fields)
    shop.items = list(TaskItem.objects.order_by("pk").values_list("pk", flat=True))


def demand_honest_items():
    """Words prove words; a quota, a post and a photo nobody handed in are proven by no request."""
    done = TaskItem.objects.filter(state=State.DONE)
    assert not done.exclude(push__kind__in=["free", "group"]).exists()
    assert set(done.values_list("proof", flat=True)) <= {"self_reported"}
    excused = TaskItem.objects.filter(state=State.NOT_APPLICABLE)
    assert not excused.filter(excuse_sentence="").exists()


def knock_elsewhere(phones, dice):
    """The other doors that a signed-in guide can find: links of messages, the callback, the API."""
    for code in TrackedLink.objects.values_list("code", flat=True):
        phone, word = dice.choice(phones), dice.choice(WORDS)
        for query in ({}, {"code": word, "state": word}):
            assert phone.get(f"/l/{code}/", query).status_code < 500
            assert phone.post(f"/l/{code}/", query).status_code < 500
    for address in ("/wecom/callback/contacts/", "/api/v1/orders/batch", "/api/v1/members/batch"):
        answer = dice.choice(phones).post(address, {"msgid": "1"}, content_type="application/json")
        assert 400 <= answer.status_code < 500, address


def grades():
    return dict(TaskTarget.objects.values_list("pk", "contact_grade"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_request_of_a_guide_proves_a_delivery(db, fixed_clock, seed):
    dice = random.Random(seed)
    shop = open_shop(fixed_clock, friends=4)
    hand_out_items(shop)
    phones = [signed_in(shop.guide), signed_in(shop.manager), signed_in(shop.colleague)]
    ids = [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _number in range(8)]
    # one message truly waits for WeCom, so that there is something to lie about
    send = reverse("guide_portal:send_target", args=[shop.targets[0].pk])
    phones[0].post(send, {"client_id": str(uuid.uuid4()), "text": "你好"})
    assert Dispatch.objects.exists()
    sent = []
    for _round in range(2):
        for address in addresses(shop, dice):
            phone, fields = dice.choice(phones), payload(dice, shop, ids)
            extra = {"HTTP_HX_REQUEST": "true"} if dice.random() < 0.3 else {}
            sent.append((phone, address, fields))
            for client, place, data in (sent[-1], dice.choice(sent)):  # and a replay of an old one
                answer = client.post(place, data, **extra)
                assert answer.status_code < 500, (place, data)
                assert client.get(place, data, **extra).status_code < 500, (place, data)
        knock_elsewhere(phones, dice)
    assert ActionReceipt.objects.exists()  # the requests did reach the services
    assert max(grades().values()) <= Grade.INITIATED
    assert not Evidence.objects.filter(grade=Grade.DELIVERED).exists()
    assert not TaskTarget.objects.filter(state="done").exists()
    # a visit is the guide's word and says so; nothing else of what customers did comes from a phone
    for word in Evidence.objects.exclude(outcome=""):
        assert word.outcome == Outcome.VISITED
        assert word.source.startswith("visit:")
        assert word.actor.startswith("guide:")
    demand_honest_items()


@pytest.mark.parametrize(
    "state",
    [
        DispatchRecipient.State.NOT_FRIEND,
        DispatchRecipient.State.OVER_LIMIT,
        DispatchRecipient.State.REFUSED,
        DispatchRecipient.State.NOT_SENT,
    ],
)
def test_while_wecom_says_not_sent_no_tap_and_no_replay_says_otherwise(shop, phone, act, state):
    target = shop.targets[0]
    send = reverse("guide_portal:send_target", args=[target.pk])
    forms = [act(text="你好")]
    phone.post(send, forms[0])
    settle(Dispatch.objects.get(), state, shop.now)

    for name in ("open_chat", "sidebar_sent", "self_report", "send_target", "undo_excuse"):
        forms.append(act())
        for fields in forms:
            phone.post(reverse(f"guide_portal:{name}", args=[target.pk]), fields)

    target.refresh_from_db()
    assert target.contact_grade <= Grade.INITIATED
    assert target.state != "done"


def test_where_initiated_completes_a_tap_alone_completes_nothing(shop, phone, act, settings):
    settings.CONTACT_ONE_PLAN = False
    push = hand_out(
        members_of(shop.team), shop.now, required_grade=Grade.INITIATED, title="发起即算"
    )
    target = TaskTarget.objects.filter(push=push, guide=shop.guide).first()
    if target is None:
        pytest.fail("The second push reached nobody.")

    phone.post(reverse("guide_portal:send_target", args=[target.pk]), act())

    target.refresh_from_db()
    assert target.contact_grade < Grade.DELIVERED
    assert target.state == "to_verify"
