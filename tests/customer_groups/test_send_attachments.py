"""What goes out beside a message to groups: the owner's groups see it, and nothing is lost."""

from datetime import timedelta
from urllib.request import urlopen

import pytest
from django.urls import reverse
from django.utils.translation import override

from apps.accounts.capabilities import Role
from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import GroupSend
from apps.guide_tasks.models import TaskPush
from apps.outreach import attachments
from apps.outreach.models import MediaUpload, TrackedLink
from apps.outreach.services import media, record_click
from tests.factories.items import make_item_push, png
from tests.factories.outreach import CORP, make_friends
from tests.factories.wecom import pauses_are_over
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db

SEND, UPLOAD = "externalcontact/add_msg_template", "media/upload"


def later(**span):
    return clock.now() + timedelta(**span)


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def kept(**look):
    return attachments.keep_file(attachments.clean_picture(png(**look)))


@pytest.fixture
def member(guide, simulator, read):
    """A customer in a group of the guide's."""
    (friend,) = make_friends(guide, simulator=simulator)
    made = simulator.post(
        "/sim/groups/create", userid=guide.wecom_userid, name="内购群", external_userids=[friend[1]]
    )
    read(made["chat_id"])
    return friend[1]


def pieces():
    return [
        attachments.picture(kept()),
        attachments.link(title="秋冬新款", summary="三款新靴", url="https://shop.example.com/a"),
        {"kind": "miniprogram", "title": "门店小程序", "appid": "wx12", "page": "/a",
         "file": kept(colour=(1, 2, 3))},
    ]  # fmt: skip


def push_of(*found):
    return make_item_push(
        clock.now(), kind=TaskPush.Kind.GROUP_SEND, body="周末新款到店", attachments=list(found)
    )


def phone_of(simulator, ident):
    with urlopen(f"{simulator.url}/phone/customer/{ident}/", timeout=5) as answer:
        return answer.read().decode()


def test_the_group_sees_words_picture_link_and_mini_program(guide, member, simulator):
    push_of(*pieces())
    assert services.hand_over_sends(now=later(seconds=1)) == 1

    (call,) = simulator.calls(SEND)
    picture, link, mini = call["body"]["attachments"]
    assert link["link"]["desc"] == "三款新靴"
    assert mini["miniprogram"]["pic_media_id"] != picture["image"]["media_id"]
    send = GroupSend.objects.get()
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=send.msgid)
    shown = phone_of(simulator, member)
    assert f"/media/{picture['image']['media_id']}" in shown
    assert "秋冬新款" in shown
    assert "门店小程序" in shown


def test_the_page_of_a_push_says_how_often_its_links_were_opened(guide, member, simulator):
    push = push_of(*pieces())
    page = reverse("hq:push", args=[push.pk])
    link = TrackedLink.objects.get(source=push.source, address="https://shop.example.com/a")
    head_office = signed_in(Role.HQ_OPERATOR)
    assert "链接被打开 0 次" in head_office.get(page).content.decode()

    for _time in range(3):
        record_click(code=link.code, external_userid=None, now=clock.now())

    assert "链接被打开 3 次" in head_office.get(page).content.decode()
    plain = push_of(attachments.picture(kept()))
    assert "data-taps" not in head_office.get(reverse("hq:push", args=[plain.pk])).content.decode()


def test_a_picture_is_uploaded_once_and_anew_when_it_ends(guide, member, simulator):
    picture = attachments.picture(kept())
    push_of(picture)
    push_of(picture)
    assert services.hand_over_sends(now=later(seconds=1)) == 2
    assert len(simulator.calls(UPLOAD)) == 1

    MediaUpload.objects.update(expires_at=later(minutes=5))
    push_of(picture)
    assert services.hand_over_sends(now=later(seconds=2)) == 1
    assert len(simulator.calls(UPLOAD)) == 2


def test_an_id_that_wecom_has_no_more_is_uploaded_anew_and_sent_once(guide, member, simulator):
    file = kept()
    push_of(attachments.picture(file))
    MediaUpload.objects.create(corp_id=CORP, file=file, media_id="gone", expires_at=later(days=2))
    assert services.hand_over_sends(now=later(seconds=1)) == 0

    assert services.hand_over_sends(now=later(minutes=3)) == 1
    assert len(simulator.calls(UPLOAD)) == 1
    assert MediaUpload.objects.get().media_id != "gone"
    assert len(simulator.get("/sim/sends")["sends"]) == 1


def test_an_upload_that_does_not_work_puts_the_send_off(guide, member, simulator):
    push_of(attachments.picture(kept()))
    simulator.post("/sim/faults", path=UPLOAD, errcode=-1, times=9)

    assert services.hand_over_sends(now=later(seconds=1)) == 0
    send = GroupSend.objects.get()
    assert (send.state, send.call_started_at, send.attempts) == ("queued", None, 1)
    simulator.post("/sim/faults/clear")
    pauses_are_over()
    assert services.hand_over_sends(now=later(minutes=3)) == 1
    assert len(simulator.calls(SEND)) == 1


@pytest.mark.parametrize(
    ("path", "errcode", "words"),
    [(SEND, 41065, "企微不收这样的附件组合"), (UPLOAD, 45001, "图片太大")],
)
def test_what_wecom_refuses_is_said_in_a_sentence(guide, member, simulator, path, errcode, words):
    push_of(attachments.picture(kept()))
    simulator.post("/sim/faults", path=path, errcode=errcode, times=1)
    with override("zh-hans"):
        assert services.hand_over_sends(now=later(seconds=1)) == 0

    send = GroupSend.objects.get()
    assert send.state == "failed"
    assert words in send.reason


def test_a_picture_that_is_gone_ends_the_send_without_a_call(guide, member, simulator):
    push_of(attachments.picture("attachments/nowhere.png"))
    with override("zh-hans"):
        services.hand_over_sends(now=later(seconds=1))

    assert GroupSend.objects.get().state == "failed"
    assert simulator.calls(SEND) == []


def test_a_worker_whose_lease_went_elsewhere_makes_no_call(guide, member, simulator, monkeypatch):
    push_of(attachments.picture(kept()))
    bring = media.bring

    def slowly(**asked):
        GroupSend.objects.update(lease_token=None)
        return bring(**asked)

    monkeypatch.setattr(media, "bring", slowly)
    assert services.hand_over_sends(now=later(seconds=1)) == 0
    assert simulator.calls(SEND) == []
    assert GroupSend.objects.get().state == "queued"
