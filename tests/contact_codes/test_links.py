"""Acquisition links: made once, counted by their state, watched for quota and for being gone."""

import uuid
from datetime import timedelta

import pytest
import requests
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.contact_codes import services as codes
from apps.contact_codes.errors import CardIncomplete, NoSuchLink, OneCodeAlready
from apps.contact_codes.models import ChannelCode, CodeAdd, LinkQuota
from apps.contact_codes.selectors import figures_of
from apps.core import clock
from apps.outreach.models import TrackedLink
from apps.outreach.services.links import link_address
from apps.stores.models import DayOff
from apps.tagging.models import MemberTags, Tag, TagGroup
from apps.wecom.client import client_for
from apps.wecom.models import Corp, RawCallback
from apps.wecom_sync.services import handle_callbacks, sync_kind
from apps.wecom_sync.services.welcomes import take_welcome_codes
from tests.contact_codes.conftest import made, reread
from tests.factories.callbacks import keep_event
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db

CREATE = "externalcontact/customer_acquisition/create_link"
UPDATE = "externalcontact/customer_acquisition/update_link"
Status = ChannelCode.Status


def link(store, **changes):
    return made(store, medium="link", channel="抖音", **changes)


def links():
    client = client_for()
    return [client.get_link(one) for one in client.list_links()]


def event(change, **fields):
    return keep_event(fields.pop("kind", "customer_acquisition"), change, fields)


def test_a_link_is_made_for_who_is_on_duty_and_follows_the_duty(shop):
    code = link(shop.store)
    assert codes.push_codes(now=clock.now()) == 1

    (there,) = links()
    kept = reread(code)
    assert (kept.status, kept.config_id) == (Status.MADE, there.link_id)
    assert kept.address == f"{there.address}?customer_channel={code.state}"
    assert sorted(there.userids) == sorted(guide.wecom_userid for guide in shop.guides)

    DayOff.objects.create(guide=shop.guides[0], day=clock.today())
    codes.refresh_duty(now=clock.now())
    codes.push_codes(now=clock.now())
    assert len(shop.simulator.calls(UPDATE)) == 1
    assert shop.guides[0].wecom_userid not in links()[0].userids
    assert shop.ways(code) == []


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_lost_answer_never_makes_a_second_link(shop, after_effect):
    code = link(shop.store)
    shop.simulator.post(
        "/sim/faults", path=CREATE, drop_connection=True, after_effect=after_effect, times=1
    )
    now = clock.now()

    codes.push_codes(now=now)
    assert reread(code).status == Status.UNKNOWN
    for minute in range(1, 6):
        codes.push_codes(now=now + timedelta(minutes=minute))

    (there,) = links()
    kept = reread(code)
    assert (kept.status, kept.config_id) == (Status.MADE, there.link_id)
    assert kept.address.endswith(f"customer_channel={code.state}")
    assert len(shop.simulator.calls(CREATE)) == (1 if after_effect else 2)


def test_a_friend_by_a_link_is_counted_and_tagged_as_by_a_code(shop):
    tag = Tag.objects.create(group=TagGroup.objects.create(name="来源"), name="抖音投放")
    guide = shop.guides[0]
    code = link(None, kind="guide", guide_id=guide.pk, tag_ids=[tag.pk])
    codes.push_codes(now=clock.now())
    address = reread(code).address
    requests.get(address, timeout=5)
    requests.post(address, data={"name": "新客", "external_userid": "wmLink1"}, timeout=5)
    event(
        "add_external_contact", kind="change_external_contact", UserID=guide.wecom_userid,
        ExternalUserID="wmLink1", State=code.state,
    )  # fmt: skip

    handle_callbacks(now=clock.now())
    assert codes.read_links(now=clock.now() + timedelta(seconds=2)) == 1

    add = CodeAdd.objects.get()
    assert (add.code_id, add.guide_id) == (code.pk, guide.pk)
    assert MemberTags.objects.get(member_id=add.member_id).tags == [tag.pk]
    quota = LinkQuota.objects.get()
    assert quota.balance == quota.total - 1
    found = figures_of([code.pk], now=clock.now())[code.pk]
    assert (found.scans, found.adds) == (1, 1)


def test_a_link_gone_in_wecom_is_made_again_and_its_new_address_stays_said(shop):
    code = link(shop.store)
    codes.push_codes(now=clock.now())
    before = reread(code)
    client_for().delete_link(link_id=before.config_id)
    event("delete_link", LinkId=before.config_id)

    handle_callbacks(now=clock.now())
    codes.push_codes(now=clock.now())

    after = reread(code)
    assert after.config_id not in ("", before.config_id)
    assert after.status == Status.MADE
    assert after.reason.startswith("链接在企业微信里被删了")
    codes.tell_again(code_id=code.pk, actor=SYSTEM, now=clock.now())
    codes.push_codes(now=clock.now())
    assert reread(code).reason == ""
    assert len(links()) == 1


def test_a_deleted_link_is_noticed_by_reading_and_by_changing_it_too(shop):
    code = link(shop.store)
    codes.push_codes(now=clock.now())
    client_for().delete_link(link_id=reread(code).config_id)
    codes.read_links(now=clock.now() + timedelta(minutes=10))
    codes.push_codes(now=clock.now() + timedelta(minutes=10))
    assert links()[0].link_id == reread(code).config_id

    client_for().delete_link(link_id=reread(code).config_id)
    DayOff.objects.create(guide=shop.guides[0], day=clock.today())
    codes.refresh_duty(now=clock.now())
    codes.push_codes(now=clock.now() + timedelta(minutes=11))
    assert links()[0].link_id == reread(code).config_id


def test_a_link_that_does_not_work_waits_for_a_person(shop):
    code = link(shop.store)
    codes.push_codes(now=clock.now())
    event("link_unavailable", LinkId=reread(code).config_id)
    event("link_unavailable", LinkId="caSomebodyElses")

    handle_callbacks(now=clock.now())
    assert reread(code).status == Status.FAILED
    assert RawCallback.objects.filter(status="ignored").count() == 1

    codes.tell_again(code_id=code.pk, actor=SYSTEM, now=clock.now())
    codes.push_codes(now=clock.now())
    assert (reread(code).status, reread(code).reason) == (Status.MADE, "")


def test_the_comparison_of_codes_leaves_links_alone(shop):
    code = link(shop.store)
    codes.push_codes(now=clock.now())
    ChannelCode.objects.update(pushed_at=clock.now() - timedelta(hours=1))
    made(shop.store)
    codes.push_codes(now=clock.now())

    run = sync_kind(corp=Corp.objects.get(), kind="contact_ways", now=clock.now())

    assert (run.state, run.missing_there) == ("done", 0)
    assert reread(code).config_id == links()[0].link_id


def test_a_stopped_link_is_taken_back_once(shop):
    code = link(shop.store)
    codes.push_codes(now=clock.now())
    for _again in range(2):
        codes.stop_code(code_id=code.pk, actor=SYSTEM, now=clock.now())
        codes.push_codes(now=clock.now())
    assert links() == []
    assert reread(code).status == Status.STOPPED


def test_a_store_may_have_a_code_and_a_link_of_one_channel_but_no_signpost_link(shop):
    link(shop.store)
    made(shop.store, channel="抖音")
    with pytest.raises(OneCodeAlready):
        link(shop.store)
    with pytest.raises(NoSuchLink):
        link(None, kind="nearest")
    with pytest.raises(CardIncomplete):
        made(shop.store, channel="卡片", card_title="新品")


@pytest.mark.parametrize("words", ["", "您好，我是{导购}。"])
def test_the_card_of_a_code_goes_out_with_its_welcome(shop, told, words):
    code = made(
        shop.store, welcome=words, card_title="秋冬新品", card_text="到店试穿",
        card_url="https://shop.example/new",
    )  # fmt: skip
    codes.push_codes(now=clock.now())
    told(code, "wmCard1", shop.guides[0])

    take_welcome_codes(now=clock.now())

    messages = shop.simulator.get("/sim/phones/customers/wmCard1")["messages"]
    cards = [one for message in messages for one in message["attachments"]]
    tracked = TrackedLink.objects.get(guide=shop.guides[0])
    assert tracked.address == "https://shop.example/new"
    assert [(one["msgtype"], one["link"]["url"]) for one in cards] == [
        ("link", link_address(tracked.code))
    ]
    assert (f"您好，我是{shop.guides[0].name}。" in [one["text"] for one in messages]) == bool(
        words
    )


def test_the_page_makes_a_link_once_and_shows_address_and_quota(shop):
    operator = signed_in(Role.HQ_OPERATOR)
    sent = {
        "client_id": str(uuid.uuid4()), "title": "抖音团购", "channel": "抖音",
        "store": shop.store.code, "shift-TOTAL_FORMS": "0", "shift-INITIAL_FORMS": "0",
    }  # fmt: skip
    address = f"{reverse('hq:code_new', args=['store'])}?medium=link"
    for _again in range(2):
        assert operator.post(address, sent).status_code == 302
    assert (
        operator.get(f"{reverse('hq:code_new', args=['nearest'])}?medium=link").status_code == 404
    )
    code = ChannelCode.objects.get()
    codes.push_codes(now=clock.now())
    codes.read_links(now=clock.now() + timedelta(seconds=2))
    LinkQuota.objects.update(balance=3)

    listed = operator.get(f"{reverse('hq:codes')}?medium=link").content.decode()
    others = operator.get(reverse("hq:codes")).content.decode()
    page = operator.get(reverse("hq:code", args=[code.pk])).content.decode()

    assert code.is_link
    assert reread(code).address in listed
    assert reread(code).address in page
    assert "获客额度还剩 3" in listed
    assert "抖音团购" not in others
    LinkQuota.objects.update(balance=0)
    health = signed_in(Role.HQ_ADMIN).get(reverse("hq:wecom_health")).content.decode()
    assert "获客链接" in health
