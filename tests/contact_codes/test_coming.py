"""What a new friend by a code brings: source, count, tags; once, whoever tells of it."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.contact_codes import services as codes
from apps.contact_codes.models import CodeAdd, CodeScan
from apps.core import clock
from apps.members.models import FollowRelation
from apps.tagging.models import MemberTags, Tag, TagGroup
from apps.wecom.models import Corp
from apps.wecom_sync.services import handle_callbacks, sync_all
from apps.wecom_sync.services.welcomes import take_welcome_codes
from tests.contact_codes.conftest import made, reread

pytestmark = pytest.mark.django_db


@pytest.fixture
def tag(db):
    return Tag.objects.create(group=TagGroup.objects.create(name="来源"), name="海报扫码")


def test_a_customer_by_a_code_is_counted_tagged_and_keeps_the_source(shop, told, tag):
    code = made(shop.store, tag_ids=[tag.pk])
    codes.push_codes(now=clock.now())
    event = told(code, "wmCode1", shop.guides[0])

    handle_callbacks(now=clock.now())

    add = CodeAdd.objects.get()
    assert (add.code_id, add.guide_id, add.is_new) == (code.pk, shop.guides[0].pk, True)
    assert FollowRelation.objects.get().state == code.state
    assert MemberTags.objects.get(member_id=add.member_id).tags == [tag.pk]

    # the same event once more, and the comparison with WeCom
    type(event).objects.filter(pk=event.pk).update(status="received", handled_at=None)
    handle_callbacks(now=clock.now())
    sync_all(corp=Corp.objects.get(), now=clock.now())
    assert CodeAdd.objects.count() == 1


def test_a_friend_found_by_the_comparison_alone_is_counted_too(shop, told, tag):
    code = made(shop.store, tag_ids=[tag.pk])
    codes.push_codes(now=clock.now())
    told(code, "wmCode2", shop.guides[1]).delete()  # the event is lost

    sync_all(corp=Corp.objects.get(), now=clock.now())

    add = CodeAdd.objects.get()
    assert add.code_id == code.pk
    assert MemberTags.objects.get(member_id=add.member_id).tags == [tag.pk]


def test_a_second_guide_of_the_same_customer_counts_as_an_add_but_not_as_new(shop, told):
    code = made(shop.store)
    codes.push_codes(now=clock.now())
    told(code, "wmCode3", shop.guides[0])
    handle_callbacks(now=clock.now())
    FollowRelation.objects.update(since=clock.now() - timedelta(days=1))
    told(code, "wmCode3", shop.guides[1])

    handle_callbacks(now=clock.now())

    assert sorted(CodeAdd.objects.values_list("is_new", flat=True)) == [False, True]


def test_another_state_is_nobodys_code(shop, told):
    code = made(shop.store)
    codes.push_codes(now=clock.now())
    event = told(code, "wmCode4", shop.guides[0])
    type(event).objects.filter(pk=event.pk).update(
        fields={**event.fields, "ExternalUserID": "wmOther"}
    )
    shop.simulator.post(
        "/sim/customers/add-guide", userid=shop.guides[0].wecom_userid,
        external_userid="wmOther", name="甲", state="join-abc",
    )  # fmt: skip

    handle_callbacks(now=clock.now())

    assert not CodeAdd.objects.exists()


def test_who_reaches_the_limit_is_taken_off_the_code(shop, told):
    code = made(shop.store, daily_limit=1)
    codes.push_codes(now=clock.now())
    told(code, "wmCode5", shop.guides[0])

    handle_callbacks(now=clock.now())
    codes.push_codes(now=clock.now())

    assert shop.guides[0].wecom_userid not in reread(code).pushed_users
    assert len(reread(code).pushed_users) == 2


def test_a_new_friend_is_greeted_in_the_words_of_the_code(shop, told):
    code = made(shop.store, welcome="您好，我是{门店}的{导购}。")
    codes.push_codes(now=clock.now())
    told(code, "wmCode6", shop.guides[0])

    take_welcome_codes(now=clock.now())

    phone = shop.simulator.get("/sim/phones/customers/wmCode6")
    texts = [message["text"] for message in phone["messages"]]
    assert f"您好，我是{shop.store.name}的{shop.guides[0].name}。" in texts


def test_a_scan_counts_once_a_day_and_keeps_nobody(shop):
    code = made(shop.store)
    now = clock.now()

    assert codes.record_scan(code=code, address="10.0.0.1", browser="b", now=now)
    assert not codes.record_scan(code=code, address="10.0.0.1", browser="b", now=now)
    assert codes.record_scan(code=code, address="10.0.0.2", browser="b", now=now)
    assert codes.record_scan(
        code=code, address="10.0.0.1", browser="b", now=now + timedelta(days=1)
    )
    assert len(set(bytes(row.visitor) for row in CodeScan.objects.all())) == 3


def test_one_address_cannot_fill_the_table_with_invented_browsers(shop, monkeypatch):
    monkeypatch.setattr("apps.contact_codes.services.scans.AN_HOUR_FROM_ONE_ADDRESS", 3)
    cache.clear()
    code, now = made(shop.store), clock.now()

    counted = [
        codes.record_scan(code=code, address="10.0.0.9", browser=f"invented {n}", now=now)
        for n in range(5)
    ]

    assert counted == [True, True, True, False, False]
    assert codes.record_scan(code=code, address="10.0.0.8", browser="b", now=now)
