"""WeCom's daily figures of guides: asked for once they are there, read again, held against what was
declared."""

import math
import uuid
from datetime import timedelta

import pytest

from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import Grade
from apps.stores.models import Posting
from apps.wecom.client import client_for
from apps.wecom.errors import Refused
from apps.wecom_sync import services
from apps.wecom_sync.models import GuideDay
from apps.wecom_sync.services import guide_days
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import make_friends, make_posted_guide
from tests.factories.tasks import guide_actor, hand_out, target_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CHATS = "externalcontact/get_user_behavior_data"


@pytest.fixture
def morning():
    """Ten o'clock of the chain's today; the simulator's clock is the real one."""
    return clock.day_start(clock.today()) + timedelta(hours=10)


def tell(simulator, guide, day, **figures):
    simulator.post("/sim/behavior", userid=guide.wecom_userid, day=day.isoformat(), **figures)


def yesterday(now):
    return clock.business_day(now) - DAY


def test_figures_of_yesterday_are_kept_by_guide(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    day = yesterday(morning)
    tell(
        simulator, guide, day, chat_cnt=12, message_cnt=40, reply_percentage=83.5, avg_reply_time=7
    )

    services.read_guide_days(now=morning)

    row = GuideDay.objects.get(guide=guide, day=day)
    assert (row.chats, row.messages, float(row.reply_percent)) == (12, 40, 83.5)
    assert (row.first_reply_minutes, row.reads) == (7, 1)
    assert row.store_id == Posting.objects.get(guide=guide).store_id


def test_chats_played_in_the_simulator_are_counted_and_mass_sends_are_not(guide, simulator):
    [(_member, external)] = make_friends(guide, 1, simulator=simulator)
    both = {"userid": guide.wecom_userid, "external_userid": external}
    simulator.post("/sim/chats/say", **both, **{"from": "customer"}, text="还有38码吗")
    simulator.post("/sim/chats/say", **both, **{"from": "guide"}, text="有的")
    simulator.post("/sim/switches", behavior_from_hour=-48)

    found = client_for().days_of_member(
        userid=guide.wecom_userid, first=clock.today(), last=clock.today()
    )
    (day,) = found
    assert (day.chats, day.messages, day.reply_percent) == (1, 1, 100.0)


def test_what_is_not_there_yet_is_asked_for_again_and_no_zero_is_kept(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=300)
    assert services.read_guide_days(now=morning) == 0
    row = GuideDay.objects.get(guide=guide, day=yesterday(morning))
    assert row.counted_at is None
    asked = len(simulator.calls(CHATS))
    assert services.read_guide_days(now=morning + timedelta(minutes=5)) == 0
    assert len(simulator.calls(CHATS)) == asked  # not before half an hour

    simulator.post("/sim/switches", behavior_from_hour=0)
    services.read_guide_days(now=morning + timedelta(minutes=40))
    row.refresh_from_db()
    assert row.counted_at is not None


def test_late_corrections_of_wecom_replace_what_was_read(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    day = yesterday(morning)
    tell(simulator, guide, day, chat_cnt=2)
    services.read_guide_days(now=morning)
    tell(simulator, guide, day, chat_cnt=5)
    for n in range(1, 5):
        services.read_guide_days(now=morning + n * DAY)

    row = GuideDay.objects.get(guide=guide, day=day)
    assert (row.chats, row.reads, row.ask_at) == (5, 3, None)


def test_one_call_for_each_guide_because_several_would_be_added_up(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    other = make_posted_guide(simulator=simulator)
    services.read_guide_days(now=morning)

    assert len(simulator.calls(CHATS)) == 2
    assert GuideDay.objects.filter(guide__in=[guide, other]).count() == 14


def test_ranges_wecom_does_not_answer_are_refused(guide, simulator):
    today = clock.today()
    client = client_for()
    for first, last in ((today - 30 * DAY, today), (today - 200 * DAY, today - 199 * DAY)):
        with pytest.raises(Refused):
            client.days_of_member(userid=guide.wecom_userid, first=first, last=last)


def test_a_member_out_of_range_does_not_stop_the_others(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    unknown = make_posted_guide()  # WeCom does not know this one
    services.read_guide_days(now=morning)

    day = yesterday(morning)
    assert GuideDay.objects.get(guide=guide, day=day).counted_at is not None
    assert GuideDay.objects.get(guide=unknown, day=day).counted_at is None
    assert not GuideDay.objects.filter(
        guide=unknown, day__lt=day - 3 * DAY, ask_at__isnull=False
    ).exists()


def test_declared_contacts_beyond_the_chats_stand_on_the_mismatch_list(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    day = yesterday(morning)
    then = clock.day_start(day) + timedelta(hours=15)
    people = [member for member, _external in make_friends(guide, 5, since=then - 30 * DAY)]
    push = hand_out(people, then, required_grade=Grade.SELF_REPORTED)
    for member in people:
        target = target_of(push, member)
        for _tap in range(2):
            guide_tasks.self_report(
                target=target, actor=guide_actor(guide, then), now=then, client_id=uuid.uuid4()
            )
    tell(simulator, guide, day, chat_cnt=1)
    services.read_guide_days(now=morning)

    row = GuideDay.objects.mismatched().get()
    assert (row.guide, row.declared, row.chats, row.missing) == (guide, 5, 1, 4)
    tell(simulator, guide, day, chat_cnt=4)
    services.read_guide_days(now=morning + DAY + timedelta(minutes=1))
    assert not GuideDay.objects.mismatched().exists()


def test_a_second_run_asks_nobody_twice(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    for _more in range(3):
        make_posted_guide(simulator=simulator)
    assert services.read_guide_days(now=morning) == 28
    assert services.read_guide_days(now=morning + timedelta(hours=1)) == 0


def test_one_run_goes_on_until_nothing_is_due(guide, simulator, morning, monkeypatch):
    monkeypatch.setattr(guide_days, "BATCH", 5)
    simulator.post("/sim/switches", behavior_from_hour=0)
    for _more in range(3):
        make_posted_guide(simulator=simulator)
    assert services.read_guide_days(now=morning) == 28
    assert GuideDay.objects.filter(reads=1).count() == 28


def test_a_closed_api_ends_the_run_and_leaves_the_rest_unclaimed(
    guide, simulator, morning, monkeypatch
):
    monkeypatch.setattr(guide_days, "BATCH", 5)
    simulator.post("/sim/switches", behavior_from_hour=0)
    for _more in range(3):
        make_posted_guide(simulator=simulator)
    simulator.post("/sim/faults", path=CHATS, errcode=45009, times=1)

    assert services.read_guide_days(now=morning) == 0
    assert len(simulator.calls(CHATS)) == 1
    assert GuideDay.objects.filter(ask_at__lte=morning).count() == 28 - 5


def test_a_corp_that_cannot_be_asked_stops_no_other(guide, simulator, morning):
    simulator.post("/sim/switches", behavior_from_hour=0)
    make_guide(make_store(), corp="wwNotConnected")

    assert services.read_guide_days(now=morning) == 7
    assert GuideDay.objects.filter(guide=guide, reads=1).count() == 7


def test_a_run_stops_when_its_time_is_used_up(guide, simulator, morning, monkeypatch):
    monkeypatch.setattr(guide_days, "BATCH", 2)
    monkeypatch.setattr(guide_days, "RUN_FOR", timedelta())
    simulator.post("/sim/switches", behavior_from_hour=0)

    assert services.read_guide_days(now=morning) == 2
    runs = 1
    while services.read_guide_days(now=morning + timedelta(minutes=10 * runs)):
        runs += 1
    assert runs == math.ceil(7 / 2)
