from datetime import timedelta

import pytest

from apps.core import clock
from apps.outreach import services as outreach
from apps.outreach.models import GuideNotice
from apps.outreach.services import buttons, notices
from apps.stores.services import guide_leaves
from tests.conftest import WECOM
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db

SEND = "message/send"


def queue(*guides, source="task_push:1", path="/g/", **times):
    now = times.pop("now", None) or clock.now() - timedelta(seconds=2)
    return outreach.queue_guide_notices(
        source=source,
        rows=[(guide.pk, "新任务：秋冬焕新", "8 位客户，今天 20:00 前", path) for guide in guides],
        now=now,
        **times,
    )


def notices_on_phone(simulator, guide):
    return simulator.get(f"/sim/phones/guides/{guide.wecom_userid}")["notices"]


def test_a_card_arrives_with_an_address_that_leads_to_us(guide, simulator):
    assert queue(guide, path="/g/tasks/5/") == 1
    assert outreach.send_notices(now=clock.now()) == 1

    (card,) = notices_on_phone(simulator, guide)
    door = f"http://testserver/g/sign-in/?corp={guide.corp_id}"
    assert card["url"] == f"{door}&next=%2Fg%2Ftasks%2F5%2F"
    assert card["title"] == "新任务：秋冬焕新"


def test_queueing_again_makes_no_second_card(guide, simulator):
    assert [queue(guide), queue(guide)] == [1, 0]

    assert outreach.send_notices(now=clock.now()) == 1
    assert outreach.send_notices(now=clock.now()) == 0


def test_equal_cards_to_many_guides_are_one_call(guide, simulator):
    others = [make.make_posted_guide(simulator=simulator) for _one in range(3)]
    queue(guide, *others)

    assert outreach.send_notices(now=clock.now()) == 4
    assert len(simulator.calls(SEND)) == 1


def test_a_card_waits_for_its_hour(guide, simulator):
    now = clock.now()
    queue(guide, not_before=now + timedelta(hours=1))

    assert outreach.send_notices(now=now) == 0
    assert outreach.send_notices(now=now + timedelta(hours=1)) == 1


def test_who_is_not_in_wecom_gets_none_and_that_is_written_down(guide, simulator):
    stranger = make.make_posted_guide()
    queue(guide, stranger)

    assert outreach.send_notices(now=clock.now()) == 1

    row = GuideNotice.objects.get(guide=stranger)
    assert (row.state, bool(row.reason)) == (GuideNotice.State.FAILED, True)


def test_a_lost_reply_is_repeated_and_shows_once(guide, simulator):
    now = clock.now()
    queue(guide, now=now)
    simulator.post("/sim/faults", path=SEND, drop_connection=True, after_effect=True, times=1)

    assert outreach.send_notices(now=now) == 0
    assert outreach.send_notices(now=now + timedelta(minutes=1)) == 1
    assert len(notices_on_phone(simulator, guide)) == 1


def test_after_many_failures_it_is_given_up(guide, simulator):
    now = clock.now()
    queue(guide, now=now)
    simulator.post("/sim/faults", path=SEND, http_status=500, times=50)

    for hour in range(10):
        outreach.send_notices(now=now + timedelta(hours=hour))

    row = GuideNotice.objects.get()
    assert row.state == GuideNotice.State.FAILED
    assert len(simulator.calls(SEND)) == 6


# --- cards with a button --------------------------------------------------------------------------


def queue_with_button(now, *sources_and_guides):
    return outreach.queue_cards(
        cards=[
            notices.GuideCard(guide.pk, source, "催办", "还有 3 位客户", "/g/tasks/5/", now)
            for source, guide in sources_and_guides
        ],
        with_button=True,
    )


def test_two_equal_cards_of_one_guide_are_two_cards(guide, simulator):
    simulator.post(  # nobody listens there, and nobody presses
        "/sim/callback-config", url="http://127.0.0.1:9/wecom/callback/contacts/", check=False,
        token=WECOM["WECOM_TOKEN"], aes_key=WECOM["WECOM_AES_KEY"],
    )  # fmt: skip
    now, other = clock.now(), make.make_posted_guide(simulator=simulator)
    queue_with_button(now, ("chase:1", guide), ("chase:2", guide), ("chase:1", other))

    assert outreach.send_notices(now=now) == 3

    rows = GuideNotice.objects.all()
    assert set(rows.values_list("state", flat=True)) == {GuideNotice.State.SENT}
    assert len(set(rows.filter(guide=guide).values_list("task_id", flat=True))) == 2
    assert len(simulator.calls(SEND)) == 2


def test_a_card_that_breaks_stops_no_other(guide, simulator, monkeypatch):
    def break_(*_args, **_more):
        raise ValueError

    monkeypatch.setattr(buttons, "may_have_buttons", lambda _corp_id: True)
    monkeypatch.setattr(buttons, "send", break_)
    now = clock.now()
    queue_with_button(now, ("chase:1", guide))
    queue(guide)

    assert outreach.send_notices(now=now) == 1


def test_a_card_of_somebody_who_has_left_is_dropped_and_troubles_nobody(guide, simulator):
    gone = make.make_posted_guide(simulator=simulator)
    queue(guide, gone)
    now = clock.now()
    guide_leaves(guide=gone, now=now, on=clock.business_day(now))

    assert outreach.send_notices(now=clock.now()) == 1

    assert GuideNotice.objects.get(guide=gone).state == GuideNotice.State.DROPPED
    assert notices_on_phone(simulator, gone) == []
    assert outreach.send_notices(now=clock.now()) == 0
