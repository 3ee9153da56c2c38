"""The first words to a new friend: in time, once, and never repeated when nobody knows."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.outreach import attachments
from apps.outreach.models import (
    MediaUpload,
    MessageTemplate,
    ScriptVariant,
    TrackedLink,
    Welcome,
)
from apps.outreach.selectors import welcome_day
from apps.outreach.services import media, welcomes
from apps.outreach.services.links import link_address
from apps.stores.models import Store
from tests.factories.items import png

pytestmark = pytest.mark.django_db

SEND = "externalcontact/send_welcome_msg"
State = Welcome.State


@pytest.fixture
def words(db):
    return MessageTemplate.objects.create(
        name="欢迎语",
        body="您好",
        generic_body="您好，我是{门店}的{导购}，有需要随时找我。",
        is_welcome=True,
        stores_may_edit=True,
    )


@pytest.fixture
def add(simulator, guide):
    """A customer adds the guide; returns what WeCom tells."""

    def one(name="小雨", **changes):
        added = simulator.post("/sim/customers/add-guide", userid=guide.wecom_userid, name=name)
        told = {
            "corp_id": guide.corp_id,
            "userid": guide.wecom_userid,
            "external_userid": added["external_userid"],
            "code": added["welcome_code"],
            "state": "s1",
            "told_at": clock.now(),
            "now": clock.now(),
        }
        return {**told, **changes}

    return one


def queue(*, now, **told):
    return welcomes.queue_welcomes(friends=[welcomes.NewFriend(**told)], now=now)


def read_by(simulator, told):
    rows = simulator.get(f"/sim/phones/customers/{told['external_userid']}")["messages"]
    return [row["text"] for row in rows if row["via"] == "welcome"]


def states():
    return list(Welcome.objects.order_by("pk").values_list("state", flat=True))


def test_a_new_friend_reads_the_chains_words_with_guide_and_store(guide, simulator, add, words):
    told = add()
    assert queue(**told) == 1
    assert welcomes.send_welcomes(now=clock.now()) == 1

    store = guide.postings.get().store
    assert read_by(simulator, told) == [f"您好，我是{store.name}的{guide.name}，有需要随时找我。"]
    row = Welcome.objects.get()
    assert (row.state, row.source, row.lease_token) == (State.SENT, "s1", None)
    assert row.sent_at <= row.expires_at


def test_the_stores_own_script_goes_before_its_wording_and_that_before_the_chains(
    guide, add, words
):
    store = guide.postings.get().store
    queue(**add())
    ScriptVariant.objects.create(
        script=words, store=store, body="您好", generic_body="我们店的说法，{导购}",
        base_body=words.body, base_generic_body=words.generic_body,
        written_by="guide:1", since=clock.now(),
    )  # fmt: skip
    queue(**add())
    MessageTemplate.objects.create(
        name="本店欢迎语", body="x", generic_body="本店欢迎您", store=store, is_welcome=True
    )
    queue(**add())
    queue(**add(text="这个渠道的话，{门店}"))

    texts = list(Welcome.objects.order_by("pk").values_list("text", flat=True))
    assert texts[1:] == [f"我们店的说法，{guide.name}", "本店欢迎您", f"这个渠道的话，{store.name}"]


def test_one_code_is_one_welcome_whoever_asks_again(simulator, add, words):
    told = add()
    assert [queue(**told), queue(**told)] == [1, 0]

    welcomes.send_welcomes(now=clock.now())
    welcomes.send_welcomes(now=clock.now())

    assert len(simulator.calls(SEND)) == 1


def test_many_at_once_go_out_side_by_side(simulator, add, words):
    all_told = [add(f"客户{number}") for number in range(20)]
    for told in all_told:
        queue(**told)

    assert welcomes.send_welcomes(now=clock.now()) == 20
    assert all(len(read_by(simulator, told)) == 1 for told in all_told)


def test_past_twenty_seconds_nothing_is_sent(simulator, add, words):
    queue(**add())
    queue(**add(told_at=clock.now() - timedelta(seconds=25)))

    assert welcomes.send_welcomes(now=clock.now() + timedelta(seconds=19.5)) == 0

    assert states() == [State.MISSED, State.MISSED]
    assert simulator.calls(SEND) == []


def test_without_words_nothing_is_called_and_it_is_counted(simulator, add):
    queue(**add())

    assert welcomes.send_welcomes(now=clock.now()) == 0
    assert states() == [State.NO_WORDS]
    assert welcome_day(now=clock.now()).no_words == 1


def test_a_store_that_is_not_live_welcomes_nobody(add, words):
    Store.objects.update(live_since=None)

    assert queue(**add()) == 0
    assert states() == []


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_lost_reply_is_unknown_and_not_repeated(simulator, add, words, after_effect):
    queue(**add())
    simulator.post(
        "/sim/faults", path=SEND, drop_connection=True, after_effect=after_effect, times=1
    )

    welcomes.send_welcomes(now=clock.now())
    welcomes.send_welcomes(now=clock.now() + timedelta(seconds=2))

    assert states() == [State.UNKNOWN]
    assert len(simulator.calls(SEND)) == 1


@pytest.mark.parametrize(
    ("errcode", "state"),
    [
        (41051, State.TAKEN),
        (41050, State.MISSED),
        (40003, State.FAILED),
        (45009, State.MISSED),  # asked to wait longer than the code lives
    ],
)
def test_what_wecom_says_decides_what_becomes_of_it(simulator, add, words, errcode, state):
    queue(**add())
    simulator.post("/sim/faults", path=SEND, errcode=errcode, times=1)

    welcomes.send_welcomes(now=clock.now())

    row = Welcome.objects.get()
    assert (row.state, bool(row.reason)) == (state, True)


def test_while_another_app_sends_it_is_asked_again_within_the_time(simulator, add, words):
    told = add()
    queue(**told)
    simulator.post("/sim/faults", path=SEND, errcode=41096, times=1)
    now = clock.now()

    assert welcomes.send_welcomes(now=now) == 0
    assert states() == [State.QUEUED]
    assert welcomes.send_welcomes(now=now + timedelta(seconds=3)) == 1
    assert len(read_by(simulator, told)) == 1


def test_what_a_dead_worker_had_begun_is_unknown_and_what_not_goes_out(simulator, add, words):
    now = clock.now()
    for _time in range(2):
        queue(**add(now=now))
    begun, claimed = Welcome.objects.order_by("pk")
    gone = now - timedelta(seconds=1)
    Welcome.objects.filter(pk=begun.pk).update(call_started_at=gone, lease_until=gone)
    Welcome.objects.filter(pk=claimed.pk).update(lease_until=gone)

    assert welcomes.send_welcomes(now=now) == 1
    assert states() == [State.UNKNOWN, State.SENT]


def test_the_day_counts_what_went_out_and_how_fast(simulator, add, words):
    now = clock.now()
    for _time in range(3):
        queue(**add(told_at=now - timedelta(seconds=2)))
    queue(**add(told_at=now - timedelta(seconds=30)))
    welcomes.send_welcomes(now=now)

    day = welcome_day(now=now)

    assert (day.sent, day.missed, day.unknown) == (3, 1, 0)
    assert 2 <= day.p95_s < 10


def test_a_wording_that_cannot_be_filled_in_holds_up_nobody_else(simulator, add, words):
    bad, good = add(text="您好，{积分}"), add()
    welcomes.queue_welcomes(
        friends=[
            welcomes.NewFriend(**{name: value for name, value in told.items() if name != "now"})
            for told in (bad, good)
        ],
        now=clock.now(),
    )
    welcomes.send_welcomes(now=clock.now())
    assert states() == [State.FAILED, State.SENT]
    assert len(read_by(simulator, good)) == 1


def test_old_ones_are_forgotten(add, words):
    queue(**add())

    assert welcomes.forget_old_welcomes(now=clock.now() + timedelta(days=89)) == 0
    assert welcomes.forget_old_welcomes(now=clock.now() + timedelta(days=91)) == 1


def test_the_chain_has_one_welcome_and_it_has_words():
    MessageTemplate.objects.create(name="甲", body="a", generic_body="b", is_welcome=True)
    other = MessageTemplate(name="乙", body="a", generic_body="b", is_welcome=True)
    with pytest.raises(ValidationError, match="已经有一条欢迎语"):
        other.full_clean()
    with pytest.raises(ValidationError, match="通用文案"):
        MessageTemplate(name="丙", body="a", is_welcome=True, store=None).full_clean()


# --- pictures ------------------------------------------------------------------------------------


def kept_picture():
    return attachments.keep_file(attachments.clean_picture(png()))


def told_to(simulator, told):
    rows = simulator.get(f"/sim/phones/customers/{told['external_userid']}")["messages"]
    return [row for row in rows if row["via"] == "welcome"]


def test_what_stands_beside_the_chains_welcome_goes_out_with_it(simulator, guide, add, words):
    words.attachments.create(kind="image", picture=ContentFile(png(), name="photo.png"))
    words.attachments.create(kind="link", title="新品", url="https://shop.example/", place=2)
    told = add()
    queue(**told)
    assert media.keep_pictures(now=clock.now()) == 1  # before anybody waits for it
    welcomes.send_welcomes(now=clock.now())

    (message,) = told_to(simulator, told)
    assert [one["msgtype"] for one in message["attachments"]] == ["image", "link"]
    assert len(simulator.calls("media/upload")) == 1
    link = TrackedLink.objects.get(source=welcomes.SOURCE)
    assert (link.address, link.guide) == ("https://shop.example/", guide)
    assert message["attachments"][1]["link"]["url"] == link_address(link.code)


def test_links_beside_welcomes_are_made_once_for_each_guide(add, words):
    words.attachments.create(kind="link", title="新品", url="https://shop.example/", place=1)

    def asked(*names):
        friends = [welcomes.NewFriend(**told) for told in map(_told, [add(name) for name in names])]
        with CaptureQueriesContext(connection) as queries:
            assert welcomes.queue_welcomes(friends=friends, now=clock.now()) == len(names)
        return len(queries)

    asked("小雨")
    assert asked("小风") == asked("小雪", "小霜", "小露")
    assert TrackedLink.objects.filter(source=welcomes.SOURCE).count() == 1


def _told(told):
    return {name: value for name, value in told.items() if name != "now"}


@pytest.fixture
def bells(monkeypatch):
    """The jobs that were asked to bring pictures."""
    rung = []
    monkeypatch.setattr(media, "wake", rung.append)
    return rung


def test_a_codes_own_picture_goes_instead(simulator, add, words, bells):
    words.attachments.create(kind="link", title="新品", url="https://shop.example/")
    file = kept_picture()
    told = add(attachments=[attachments.picture(file)])
    media.keep(files=[file], now=clock.now())
    queue(**told)
    welcomes.send_welcomes(now=clock.now())
    assert bells == []

    (message,) = told_to(simulator, told)
    assert [one["msgtype"] for one in message["attachments"]] == ["image"]
    assert Welcome.objects.get().reason == ""


def test_a_picture_that_is_not_there_is_asked_for_and_does_not_keep_the_words_waiting(
    simulator, add, words, bells
):
    told = add(attachments=[attachments.picture(kept_picture())])
    queue(**told)
    welcomes.send_welcomes(now=clock.now())

    (message,) = told_to(simulator, told)
    assert message["text"]
    assert message["attachments"] == []
    assert (states(), Welcome.objects.get().reason) == ([State.SENT], "已发出，附件没带全")
    assert bells == ["outreach.keep_pictures", "contact_codes.keep_pictures"]
    assert simulator.calls("media/upload") == []


def test_a_picture_alone_waits_for_its_upload_as_long_as_there_is_time(simulator, add, words):
    file = kept_picture()
    told = [add(text="", attachments=[attachments.picture(one)]) for one in (file, "gone.png")]
    for one in told:
        queue(**one)
    now = clock.now()
    assert welcomes.send_welcomes(now=now) == 0
    assert states() == [State.QUEUED, State.QUEUED]

    media.keep(files=[file], now=now)
    assert welcomes.send_welcomes(now=now + timedelta(seconds=5)) == 1
    welcomes.send_welcomes(now=now + timedelta(seconds=18.5))
    assert states() == [State.SENT, State.MISSED]
    assert len(simulator.calls(SEND)) == 1


def test_a_picture_that_wecom_forgot_is_left_out_and_brought_for_the_next(
    simulator, guide, add, words, bells
):
    file = kept_picture()
    MediaUpload.objects.create(
        corp_id=guide.corp_id, file=file, media_id="gone",
        expires_at=clock.now() + timedelta(days=2),
    )  # fmt: skip
    told = add(attachments=[attachments.picture(file)])
    queue(**told)
    welcomes.send_welcomes(now=clock.now())
    welcomes.send_welcomes(now=clock.now() + timedelta(seconds=1.2))

    (message,) = told_to(simulator, told)
    assert (bool(message["text"]), message["attachments"]) == (True, [])
    assert "outreach.keep_pictures" in bells


# --- what stands beside is refused ----------------------------------------------------------------


@pytest.fixture
def beside(add):
    link = attachments.link(title="新品", summary="", url="https://shop.example/")
    return add(attachments=[link])


def test_words_whose_attachment_wecom_refuses_are_said_alone(simulator, beside, words):
    queue(**beside)
    simulator.post("/sim/faults", path=SEND, errcode=40063, times=1)
    assert welcomes.send_welcomes(now=clock.now()) == 1

    (message,) = told_to(simulator, beside)
    assert (bool(message["text"]), message["attachments"]) == (True, [])
    assert (states(), bool(Welcome.objects.get().reason)) == ([State.SENT], True)


def test_what_is_refused_without_attachments_too_is_tried_no_third_time(simulator, beside, words):
    queue(**beside)
    simulator.post("/sim/faults", path=SEND, errcode=40063, times=9)
    welcomes.send_welcomes(now=clock.now())

    assert (states(), len(simulator.calls(SEND))) == ([State.FAILED], 2)


@pytest.mark.parametrize("errcode", [41049, 41050, 41051])
def test_what_wecom_says_about_the_code_is_not_asked_twice(simulator, beside, words, errcode):
    queue(**beside)
    simulator.post("/sim/faults", path=SEND, errcode=errcode, times=1)
    welcomes.send_welcomes(now=clock.now())

    assert len(simulator.calls(SEND)) == 1
    assert states() != [State.SENT]
