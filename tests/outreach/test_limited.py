"""WeCom says "too often" again and again: all of the work is done afterwards, none of it twice."""

import time
from datetime import timedelta

import pytest

from apps.core import clock
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, GuideNotice
from apps.wecom_sync.services import poll_results
from tests.factories import outreach as make

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ADD, TASK, CARD = (
    "externalcontact/add_msg_template",
    "externalcontact/get_groupmsg_task",
    "message/send",
)
SENDS = 12


def until(done, work, seconds=25):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "the work is not done"
        work()
        time.sleep(0.2)


def answers(simulator, path):
    return [call["errcode"] for call in simulator.calls(path)]


def test_after_a_storm_every_send_is_there_once(guide, simulator, settings):
    settings.WECOM_LIMIT_WAIT_SECONDS = 1
    for _ in range(SENDS):
        make.request_send(guide, make.make_friends(guide, simulator=simulator))
    simulator.post("/sim/faults", path=ADD, times=2, errcode=45009)
    left = Dispatch.objects.exclude(state=Dispatch.State.HANDED_OVER)

    until(lambda: not left.exists(), lambda: outreach.send_queued(now=clock.now()))

    found = answers(simulator, ADD)
    assert sorted(found) == [0] * SENDS + [45009] * 2
    assert len(simulator.get("/sim/sends")["sends"]) == SENDS
    assert len(set(Dispatch.objects.values_list("msgid", flat=True))) == SENDS


def test_cards_are_never_given_up_because_of_the_storm(guide, simulator, settings):
    settings.WECOM_LIMIT_WAIT_SECONDS = 1
    for number in range(3):
        outreach.queue_guide_notices(
            source=f"storm:{number}", rows=[(guide.pk, f"卡 {number}", "8 位", "/g/")],
            now=clock.now(),
        )  # fmt: skip
    GuideNotice.objects.update(attempts=5)
    simulator.post("/sim/faults", path=CARD, times=2, errcode=45009)
    left = GuideNotice.objects.exclude(state=GuideNotice.State.SENT)

    until(lambda: not left.exists(), lambda: outreach.send_notices(now=clock.now()))

    assert answers(simulator, CARD).count(0) == 3


def test_results_are_asked_for_after_the_storm(guide, simulator, settings):
    settings.WECOM_LIMIT_WAIT_SECONDS = 1
    dispatch = make.request_send(guide, make.make_friends(guide, simulator=simulator))
    outreach.send_queued(now=clock.now())
    dispatch.refresh_from_db()
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=dispatch.msgid)
    simulator.post("/sim/faults", path=TASK, times=1, errcode=45009)
    Dispatch.objects.update(next_poll_at=clock.now())

    asked = clock.now()
    poll_results(now=asked)
    dispatch.refresh_from_db()
    assert dispatch.lease_until is None
    assert dispatch.next_poll_at - asked < timedelta(seconds=5)  # as long as WeCom's own pause
    Dispatch.objects.update(next_poll_at=clock.now())
    assert poll_results(now=clock.now()) == 0
    assert answers(simulator, TASK) == [45009]

    def work():
        Dispatch.objects.update(next_poll_at=clock.now())
        poll_results(now=clock.now())

    delivered = dispatch.recipients.filter(state="delivered")
    until(delivered.exists, work)
