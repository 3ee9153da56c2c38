"""侧边栏: the first screen says who, from where, what and why; what is sent stands in the chat."""

import json
import uuid
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.contact_codes.models import ChannelCode
from apps.guide_tasks.models import TaskPush
from apps.members.models import Consent, FollowRelation, Interaction, Member, StopMark
from apps.outreach import policy
from apps.outreach.models import MediaUpload, MessageTemplate, ScriptVariant, TrackedLink
from tests.factories.facts import make_store
from tests.factories.items import png
from tests.factories.outreach import CORP, make_asset
from tests.factories.tasks import hand_out


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


@pytest.fixture
def card(shop, phone):
    """Posts the chat's contact as the script does; returns the filled sidebar."""

    def ask(external_userid):
        answer = phone.post(
            url("sidebar_contact"), {"external_userid": external_userid}, HTTP_HX_REQUEST="true"
        )
        assert answer.status_code == 200
        return answer.content.decode()

    return ask


def external(member):
    return FollowRelation.objects.get(member=member, corp_id=CORP).external_userid


def messages_in(page):
    return [json.loads(unescape(part.split('"')[0])) for part in page.split('data-message="')[1:]]


def test_the_first_screen_says_where_the_friend_came_from(shop, card):
    member = shop.members[0]
    FollowRelation.objects.filter(member=member).update(add_way=1)
    assert "扫码添加" in card(external(member))
    FollowRelation.objects.filter(member=member).update(add_way=4711)
    assert "成为好友" in card(external(member))


def test_a_friend_by_a_channel_code_came_by_that_code(shop, card):
    member = shop.members[0]
    code = ChannelCode.objects.create(
        corp_id=CORP, title="收银台立牌", channel="门店", kind="chain", client_id=uuid.uuid4()
    )
    FollowRelation.objects.filter(member=member).update(state=code.state, add_way=1)
    page = card(external(member))
    assert "门店 · 收银台立牌" in page
    assert "扫码添加" not in page


def test_somebody_unknown_is_offered_enrolment(shop, card):
    page = card("wm_nobody_knows")
    assert url("enrol") in page
    assert "data-message" not in page


def test_a_page_is_sent_as_a_link_with_the_guides_mark(shop, phone):
    Member.objects.filter(pk=shop.members[0].pk).update(joined_at=shop.now)
    asset = make_asset(title="秋季新鞋")
    page = phone.get(url("sidebar_messages", shop.members[0].public_id)).content.decode()
    found = {one["news"]["title"]: one for one in messages_in(page)}
    assert found[asset.title]["msgtype"] == "news"
    assert found[asset.title]["news"]["link"].startswith("http")
    assert "加入会员" not in found


def test_scripts_are_said_into_the_chat_in_the_stores_own_words(shop, phone):
    script = MessageTemplate.objects.create(
        name="新款到店", body="{称呼}，{门店}到新款了", generic_body="{门店}到新款了，{导购}给您留",
        stores_may_edit=True,
    )  # fmt: skip
    other = make_store()
    MessageTemplate.objects.create(name="别店的", body="别店", store=other)
    MessageTemplate.objects.create(name="停用的", body="停用", is_active=False)
    MessageTemplate.objects.create(name="欢迎语", body="欢迎", generic_body="欢迎", is_welcome=True)
    address = url("sidebar_scripts", shop.members[0].public_id)

    def said():
        return phone.get(address).content.decode()

    words = f"{shop.store.name}到新款了，{shop.guide.name}给您留"
    assert messages_in(said()) == [{"msgtype": "text", "text": {"content": words}}]
    assert f'id="text-script-{script.pk}">{words}</p>' in said()  # what is copied instead

    ScriptVariant.objects.create(
        script=script, store=shop.store, body="{称呼}，{门店}", generic_body="{导购}：{门店}上新",
        base_body=script.body, base_generic_body=script.generic_body, since=shop.now,
    )  # fmt: skip
    (own,) = messages_in(said())
    assert own["text"] == {"content": f"{shop.guide.name}：{shop.store.name}上新"}
    assert phone.get(url("sidebar_scripts", shop.others_members[0].public_id)).status_code == 404

    StopMark.objects.create(member=shop.members[0], source="test", since=shop.now)
    assert messages_in(said()) == []


def test_what_the_chain_has_switched_off_is_not_offered_in_the_chat(shop, phone, card, settings):
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=shop.now)
    MessageTemplate.objects.create(name="新款到店", body="上新了")
    addresses = [url(name, member.public_id) for name in ("sidebar_scripts", "sidebar_messages")]
    for address in addresses:
        assert messages_in(phone.get(address).content.decode())
    settings.MODULES_OFF = ["scripts", "materials"]
    for address in addresses:
        assert messages_in(phone.get(address).content.decode()) == []
    assert addresses[0] not in card(external(member))


def test_who_has_not_joined_is_invited_in_one_tap(shop, card):
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=None)
    page = card(external(member))
    assert "TA 还没入会" in page
    first, *_others = messages_in(page)
    assert first["news"]["title"] == "加入会员"
    assert "/m/join/" in first["news"]["link"]
    assert url("invite", member.public_id) in page

    Member.objects.filter(pk=member.pk).update(joined_at=shop.now)
    page = card(external(member))
    assert "TA 还没入会" not in page
    assert messages_in(page) == []


def test_nothing_is_offered_for_who_wants_no_contact(shop, phone, card):
    member = shop.members[0]
    StopMark.objects.create(member=member, source="test", since=shop.now)
    page = card(external(member))
    assert url("sidebar_messages", member.public_id) not in page
    assert url("not_joined", member.public_id) not in page
    assert messages_in(phone.get(url("sidebar_messages", member.public_id)).content.decode()) == []


def test_a_colleagues_customer_has_no_messages_here(shop, phone):
    assert phone.get(url("sidebar_messages", shop.others_members[0].public_id)).status_code == 404


@pytest.mark.parametrize("name", ["sidebar_messages", "sidebar_scripts"])
def test_the_pages_ask_as_often_for_many_as_for_few(shop, phone, name):
    address = url(name, shop.members[0].public_id)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert phone.get(address).status_code == 200
        return len(queries)

    asked()
    few = asked()
    for n in range(6):
        make_asset(title=f"页面{n}")
        MessageTemplate.objects.create(name=f"话术{n}", body="上新了")
    asked()  # links are made at the first look
    assert asked() == few <= 12


def test_what_goes_with_the_tasks_script_is_offered_for_the_chat(shop, phone):
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=shop.now)
    script = MessageTemplate.objects.create(name="带附件", body=shop.push.body)
    type(shop.push).objects.filter(pk=shop.push.pk).update(template=script)
    script.attachments.create(kind="link", title="秋冬画册", url="https://shop.example.com/a")
    picture = script.attachments.create(
        kind="image", title="新靴", picture=ContentFile(png(), name="photo.png"), place=2
    )
    address = url("sidebar_messages", member.public_id)
    first, *others = messages_in(phone.get(address).content.decode())
    made = TrackedLink.objects.get(source=shop.targets[0].source)
    assert first["news"]["link"].endswith(f"/l/{made.code}/")
    assert (made.address, made.guide) == ("https://shop.example.com/a", shop.guide)
    assert all(one["msgtype"] == "news" for one in others)  # WeCom has not got the picture yet

    MediaUpload.objects.create(
        corp_id=shop.guide.corp_id,
        file=picture.picture.name,
        media_id="m1",
        expires_at=shop.now + timedelta(days=2),
    )
    _first, second, *_others = messages_in(phone.get(address).content.decode())
    assert second == {"msgtype": "image", "image": {"mediaid": "m1"}}

    page = phone.get(url("target", shop.targets[0].pk)).content.decode()
    assert "秋冬画册" in page
    assert "一起发出的图片" in page
    assert "秋冬画册" in phone.get(url("task", shop.targets[0].task_id)).content.decode()


def picture_of(script, **fields):
    return script.attachments.create(picture=ContentFile(png(), name="photo.png"), **fields)


def test_a_mini_program_goes_into_the_chat_with_a_cover_anybody_may_fetch(shop, phone, client):
    script = MessageTemplate.objects.create(name="带小程序", body=shop.push.body)
    type(shop.push).objects.filter(pk=shop.push.pk).update(template=script)
    picture_of(script, kind="miniprogram", title="会员商城", appid="wx1", page="pages/index")
    alone = picture_of(script, kind="image", place=2)
    Member.objects.filter(pk=shop.members[0].pk).update(joined_at=shop.now)
    address = url("sidebar_messages", shop.members[0].public_id)

    first, *_others = messages_in(phone.get(address).content.decode())

    assert first["msgtype"] == "miniprogram"
    inner = first["miniprogram"]
    code = TrackedLink.objects.get(source=shop.targets[0].source).code
    page = f"pages/index?link_code={code}"
    assert (inner["appid"], inner["title"], inner["page"]) == ("wx1", "会员商城", page)
    cover = client.get(urlsplit(inner["imgUrl"]).path)
    assert cover.status_code == 200
    assert cover["Content-Type"] == "image/png"
    assert cover.content.startswith(b"\x89PNG")
    other = alone.picture.name.rpartition("/")[2]
    assert (
        client.get(urlsplit(inner["imgUrl"]).path.rpartition("/")[0] + f"/{other}").status_code
        == 404
    )  # a plain picture is nobody's cover


@pytest.mark.parametrize("joined", [True, False])
def test_what_goes_with_the_task_asks_no_more_often(shop, phone, joined):
    """Links, pictures that WeCom has and mini programs, few or many: twelve questions at most."""
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=shop.now if joined else None)
    script = MessageTemplate.objects.create(name="带附件", body=shop.push.body)
    type(shop.push).objects.filter(pk=shop.push.pk).update(template=script)
    address = url("sidebar_messages", member.public_id)

    def asked(more):
        for place in range(more):
            script.attachments.create(
                kind="link", title="册", url="https://a.example/", place=place
            )
            picture_of(script, kind="miniprogram", title="店", appid="wx1", page="p", place=place)
            row = picture_of(script, kind="image", place=place)
            MediaUpload.objects.create(
                corp_id=shop.guide.corp_id,
                file=row.picture.name,
                media_id="m",
                expires_at=shop.now + timedelta(days=2),
            )
        phone.get(address)
        with CaptureQueriesContext(connection) as queries:
            page = phone.get(address).content.decode()
        assert len(messages_in(page)) >= 3
        return len(queries)

    few = asked(1)
    assert asked(2) == few <= 12


def test_who_may_not_be_written_to_is_invited_only_as_an_answer(shop, card):
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=None)
    page = card(external(member))
    assert "TA 问了，发邀请" not in page
    assert "data-message" in page

    Consent.objects.filter(member=member).update(withdrawn_at=shop.now)
    page = card(external(member))
    assert "TA 问了，发邀请" in page
    assert "TA 问起怎么入会，再发邀请" in page


@pytest.mark.parametrize("is_held_back", [False, True])
@pytest.mark.parametrize("agreed", [False, True])
@pytest.mark.parametrize("kind", [TaskPush.Kind.CARE, TaskPush.Kind.CONTACT])
def test_who_has_not_joined_costs_no_more_than_who_has(shop, card, kind, agreed, is_held_back):
    """The policy is asked once for the open task and for the invitation, whatever they are."""
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=None)
    FollowRelation.objects.filter(member=member).update(since=shop.now - timedelta(days=90))
    script = MessageTemplate.objects.create(name="新靴", body=shop.push.body)
    TaskPush.objects.filter(pk=shop.push.pk).update(template=script, kind=kind)
    if not agreed:
        Consent.objects.filter(member=member).update(withdrawn_at=shop.now)
    talk = {"member": member, "kind": Interaction.Kind.CHAT_OPENED, "occurred_at": shop.now}
    if is_held_back:
        Interaction.objects.create(**talk, guide=shop.colleague, source="a colleague's chat")
    address = external(member)

    def asked():
        card(address)
        with CaptureQueriesContext(connection) as queries:
            page = card(address)
        assert "到了新靴" in page
        assert ("TA 问起怎么入会，再发邀请" in page) == (is_held_back or not agreed)
        return len(queries)

    few = asked()
    for number in range(4):
        hand_out([member], shop.now, title=f"回访{number}", kind=TaskPush.Kind.CARE)
        Interaction.objects.create(**talk, guide=shop.guide, source=f"chat {number}")
    assert asked() == few <= 12


def nothing_else(shop, member):
    pass


def withdraw(shop, member):
    Consent.objects.filter(member=member).update(withdrawn_at=shop.now)


def stop(shop, member):
    StopMark.objects.create(member=member, source="test", since=shop.now)


def unfriend(shop, member):
    FollowRelation.objects.filter(member=member).update(until=shop.now, ended_by="guide")


@pytest.mark.parametrize("has_colleague", [False, True])
@pytest.mark.parametrize("befall", [nothing_else, withdraw, stop, unfriend])
def test_asked_both_ways_the_policy_says_what_it_says_to_each(shop, befall, has_colleague):
    member = shop.members[0]
    befall(shop, member)
    if has_colleague:
        talk = {"member": member, "kind": Interaction.Kind.CHAT_OPENED, "occurred_at": shop.now}
        Interaction.objects.create(**talk, guide=shop.colleague, source="a colleague's chat")
    ask = {"member_id": member.pk, "guide_id": shop.guide.pk, "now": shop.now}

    with CaptureQueriesContext(connection) as queries:
        both = policy.look_both_ways(**ask)

    assert len(queries) <= 2
    assert both == {way: policy.look_at_one(**ask, marketing=way) for way in (False, True)}


@pytest.mark.parametrize("is_held_back", [False, True])
def test_the_first_screen_asks_as_often_for_much_as_for_little(shop, card, is_held_back):
    """Of a customer who joined, with the words of the open task and the policy's on them."""
    member = shop.members[0]
    Member.objects.filter(pk=member.pk).update(joined_at=shop.now)
    script = MessageTemplate.objects.create(name="新靴", body=shop.push.body)
    TaskPush.objects.filter(pk=shop.push.pk).update(template=script)
    talk = {"member": member, "kind": Interaction.Kind.CHAT_OPENED, "occurred_at": shop.now}
    if is_held_back:
        Interaction.objects.create(**talk, guide=shop.colleague, source="a colleague's chat")
    address = external(member)

    def asked():
        card(address)
        with CaptureQueriesContext(connection) as queries:
            page = card(address)
        assert "到了新靴" in page
        assert ("今天已有同事联系过" in page) == is_held_back
        return len(queries)

    few = asked()
    for number in range(4):
        hand_out([member], shop.now, title=f"回访{number}", kind=TaskPush.Kind.CARE)
        Interaction.objects.create(**talk, guide=shop.guide, source=f"chat {number}")
        FollowRelation.objects.create(
            member=member,
            guide=shop.colleague,
            corp_id=f"corp{number}",
            external_userid=f"wm{number}",
            since=shop.now,
        )
    assert asked() == few <= 12
