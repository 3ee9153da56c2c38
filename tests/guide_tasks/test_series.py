import threading
import uuid
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.core import clock
from apps.guide_tasks import services
from apps.guide_tasks.errors import BadRhythm, NotYourStore, PushRepeats
from apps.guide_tasks.models import (
    GuideTask,
    PushSeries,
    SeriesOccurrence,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.rhythm import Rhythm
from apps.guide_tasks.selectors import control_members
from apps.guide_tasks.selectors import series as selectors
from apps.guide_tasks.services import pushes, recalling, recurring
from apps.guide_tasks.services import series as series_services
from apps.guide_tasks.services.series import SeriesTerms
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.outreach.models import ContentAsset, GuideNotice, MessageTemplate
from apps.segments.services import run_segment, save_segment
from apps.stores.selectors import actor_for
from tests.factories.items import make_item_push
from tests.factories.tasks import make_push, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]

SHANGHAI = ZoneInfo("Asia/Shanghai")
FRIENDS = {"op": "and", "items": [{"field": "is_friend", "operator": "is", "value": True}]}
WEEKLY = SeriesTerms(
    every="week",
    number=1,
    starts_on=date(2026, 3, 18),
    hour=time(10),
    due_days=2,
    due_hour=time(21),
)
MONDAY = datetime(2026, 3, 23, 10, 0, tzinfo=SHANGHAI)
WEEK = timedelta(days=7)


@pytest.fixture
def owner(db):
    return User.objects.create(username="he", role=Role.HQ_OPERATOR)


@pytest.fixture
def actor(owner, moment):
    return actor_for(user=owner, now=moment)


@pytest.fixture
def first_push(actor, moment):
    """Handed out today: three friends of one guide, and nobody held out."""
    make_team(moment, friends=3)
    version = save_segment(name="好友", definition=FRIENDS, actor=actor)
    run = run_segment(version=version, now=moment, cause="push")
    push = make_push([], moment, segment_run=run, title="每周问候 · 03-18", actor=actor)
    services.hand_out(push=push, now=moment, actor=actor)
    push.refresh_from_db()
    return push


def repeat(push, actor, moment, **changes):
    terms = SeriesTerms(**{**vars_of(WEEKLY), **changes})
    return series_services.repeat_push(push=push, terms=terms, actor=actor, now=moment)


def vars_of(terms):
    return {name: getattr(terms, name) for name in terms.__slots__}


def run_at(moment):
    with clock.at(moment):
        return recurring.hand_out_series(now=moment)


def take_back(push, actor, moment):
    """Its open work ends: whoever stands in it would be held back by it."""
    recalling.withdraw_push(push=push, actor=actor, now=moment)


def fresh(series):
    return PushSeries.objects.select_related("pattern").get(pk=series.pk)


# --- every day once -------------------------------------------------------------------------------


def test_the_day_makes_a_push_like_the_first_and_hands_it_out(first_push, actor, moment):
    take_back(first_push, actor, moment)
    series = repeat(first_push, actor, moment)

    assert run_at(MONDAY - timedelta(minutes=1)) == 0
    assert run_at(MONDAY) == 1

    day = SeriesOccurrence.objects.get(series=series)
    assert (day.on, day.skipped) == (date(2026, 3, 23), "")
    assert day.push.status == TaskPush.Status.HANDED_OUT
    assert day.push.title == "每周问候 · 03-23"
    assert day.push.body == first_push.body
    assert day.push.due_at == datetime(2026, 3, 25, 21, 0, tzinfo=SHANGHAI)
    assert day.push.created_by == actor.label
    assert TaskTarget.objects.filter(push=day.push).count() == 3
    assert GuideNotice.objects.filter(source=day.push.source).count() == 1
    assert fresh(series).next_at == MONDAY + WEEK
    handed_out = AuditEntry.objects.get(action="push.handed_out", object_id=str(day.push_id))
    assert handed_out.user_id == actor.user_id


def test_running_twice_makes_one_push(first_push, actor, moment):
    repeat(first_push, actor, moment)

    assert [run_at(MONDAY), run_at(MONDAY), run_at(MONDAY + timedelta(hours=3))] == [1, 0, 0]

    assert SeriesOccurrence.objects.count() == 1
    assert TaskPush.objects.filter(handed_out_at__isnull=False).count() == 2


def test_a_crash_in_the_middle_leaves_nothing_and_the_next_run_does_it(
    first_push, actor, moment, monkeypatch
):
    series = repeat(first_push, actor, moment)

    def crash(**kwargs):
        raise RuntimeError("the machine went away")

    with monkeypatch.context() as broken:
        broken.setattr(series_services, "plan_next", crash)
        with pytest.raises(RuntimeError):
            run_at(MONDAY)

    assert not SeriesOccurrence.objects.exists()
    assert fresh(series).next_at == MONDAY
    assert run_at(MONDAY) == 1


def test_the_segment_is_asked_anew_each_time(first_push, actor, moment):
    series = repeat(first_push, actor, moment)
    run_at(MONDAY)
    newcomers = members_of(make_team(MONDAY, friends=2))

    run_at(MONDAY + WEEK)

    days = SeriesOccurrence.objects.filter(series=series).order_by("on")
    assert [day.push.segment_run.member_count for day in days] == [3, 5]
    latest = TaskTarget.objects.filter(push=days[1].push)
    assert {row.member_id for row in latest} >= {member.pk for member in newcomers}


def test_the_reach_policy_counts_every_time(first_push, actor, moment):
    take_back(first_push, actor, moment)
    series = repeat(first_push, actor, moment)
    stopped = TaskTarget.objects.filter(push=first_push).first().member
    members.stop_contact(member_id=stopped.pk, source="test", now=moment, actor=actor)

    run_at(MONDAY)

    day = SeriesOccurrence.objects.get(series=series)
    assert selectors.figures_of([day.push_id])[day.push_id].not_issued == 1
    assert not TaskTarget.objects.filter(push=day.push, member=stopped).exists()


def test_who_is_held_out_once_is_held_out_of_the_whole_series(actor, moment):
    make_team(moment, friends=40)
    version = save_segment(name="好友", definition=FRIENDS, actor=actor)
    run = run_segment(version=version, now=moment, cause="push")
    push = make_push([], moment, segment_run=run, control_share_bp=3000, actor=actor)
    services.hand_out(push=push, now=moment, actor=actor)
    push.refresh_from_db()
    take_back(push, actor, moment)
    series = repeat(push, actor, moment)

    run_at(MONDAY)
    first = SeriesOccurrence.objects.get(series=series)
    with clock.at(MONDAY):
        take_back(first.push, actor, MONDAY)
    run_at(MONDAY + WEEK)

    held = [set(control_members(day.push)) for day in SeriesOccurrence.objects.order_by("on")]
    assert held[0] == held[1] != set()
    assert {day.push.campaign_id for day in SeriesOccurrence.objects.select_related("push")} == {
        series.pattern.campaign_id
    }


def test_pushes_of_items_repeat_too(actor, moment):
    make_team(moment, guides=2)
    push = make_item_push(moment, kind="moments", body="新靴到店")
    series = repeat(push, actor, moment)

    run_at(MONDAY)

    day = SeriesOccurrence.objects.get(series=series)
    assert day.push.kind == "moments"
    assert day.push.body == "新靴到店"
    assert TaskItem.objects.filter(push=day.push).count() == 2


# --- its time -------------------------------------------------------------------------------------


def test_the_hour_is_the_chains_wherever_summer_time_changes_it(
    first_push, actor, moment, settings
):
    settings.CHAIN_TIME_ZONE = "Europe/Berlin"
    series = repeat(first_push, actor, moment, starts_on=date(2026, 3, 19))

    berlin = ZoneInfo("Europe/Berlin")
    assert series.next_at == datetime(2026, 3, 23, 10, 0, tzinfo=berlin)
    run_at(series.next_at)
    after = fresh(series).next_at
    assert after == datetime(2026, 3, 30, 10, 0, tzinfo=berlin)  # clocks went forward on the 29th
    assert after - series.next_at == WEEK - timedelta(hours=1)


def test_the_last_day_of_a_month_stays_the_last_day(first_push, actor, moment):
    series = repeat(first_push, actor, moment, every="month", number=31)

    seen = []
    for _month in range(3):
        due = fresh(series).next_at
        seen.append(due.astimezone(SHANGHAI).date())
        run_at(due)

    assert seen == [date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)]


def test_it_ends_after_so_many_times(first_push, actor, moment):
    series = repeat(first_push, actor, moment, times=2)

    assert [run_at(MONDAY + WEEK * n) for n in range(4)] == [1, 1, 0, 0]

    assert fresh(series).status == PushSeries.Status.ENDED


def test_it_ends_with_its_last_day(first_push, actor, moment):
    series = repeat(first_push, actor, moment, until=date(2026, 3, 30))

    assert [run_at(MONDAY + WEEK * n) for n in range(3)] == [1, 1, 0]

    assert fresh(series).status == PushSeries.Status.ENDED


def test_days_on_which_nothing_ran_are_named_and_not_made_up_for(first_push, actor, moment):
    series = repeat(first_push, actor, moment, every="days", number=2)

    # the 20th and 22nd passed while nothing ran; the 24th is two hours late
    assert run_at(datetime(2026, 3, 24, 12, 0, tzinfo=SHANGHAI)) == 1

    days = SeriesOccurrence.objects.filter(series=series).order_by("on")
    assert [(day.on.day, day.skipped) for day in days] == [(20, "missed"), (22, "missed"), (24, "")]


def test_a_rhythm_that_cannot_be_is_refused_with_what_to_do(first_push, actor, moment):
    with pytest.raises(BadRhythm, match="07:00"):
        repeat(first_push, actor, moment, hour=time(3))
    with pytest.raises(BadRhythm):
        repeat(first_push, actor, moment, due_days=0, due_hour=time(9))
    with pytest.raises(BadRhythm):
        repeat(first_push, actor, moment, until=date(2026, 3, 20))

    assert not PushSeries.objects.exists()


# --- paused, changed, left without somebody -------------------------------------------------------


def test_paused_nothing_goes_out_and_resumed_it_goes_on_with_the_next_day(
    first_push, actor, moment
):
    series = repeat(first_push, actor, moment)
    series_services.pause_series(series=series, actor=actor, now=moment)
    assert run_at(MONDAY) == 0

    with clock.at(MONDAY + timedelta(days=1)) as tuesday:
        series_services.resume_series(series=series, actor=actor, now=tuesday)

    assert fresh(series).next_at == MONDAY + WEEK
    assert not SeriesOccurrence.objects.exists()


def test_the_hour_of_a_day_that_went_out_changes_the_next_one(first_push, actor, moment):
    series = repeat(first_push, actor, moment)
    run_at(MONDAY)
    later = SeriesTerms(**{**vars_of(WEEKLY), "hour": time(18)})

    with clock.at(MONDAY + timedelta(hours=1)) as now:
        series_services.change_series(series=series, terms=later, actor=actor, now=now)

    assert fresh(series).next_at == MONDAY + WEEK + timedelta(hours=8)


@pytest.mark.parametrize(
    ("late", "skipped"), [(timedelta(minutes=1), ""), (timedelta(days=1), "missed")]
)
def test_a_day_that_is_due_survives_a_change_of_the_rhythm(
    first_push, actor, moment, late, skipped
):
    series = repeat(first_push, actor, moment)
    monthly = SeriesTerms(**{**vars_of(WEEKLY), "every": "month", "number": 31})

    with clock.at(MONDAY + late) as now:
        series_services.change_series(series=series, terms=monthly, actor=actor, now=now)
    run_at(MONDAY + late)

    day = SeriesOccurrence.objects.get(series=series)
    assert (day.on, day.skipped) == (MONDAY.date(), skipped)
    assert fresh(series).next_on == date(2026, 3, 31)


def test_a_day_that_is_due_goes_out_no_more_when_it_was_often_enough(first_push, actor, moment):
    series = repeat(first_push, actor, moment)
    run_at(MONDAY)
    once = SeriesTerms(**{**vars_of(WEEKLY), "times": 1})

    with clock.at(MONDAY + WEEK) as now, pytest.raises(BadRhythm):
        series_services.change_series(series=series, terms=once, actor=actor, now=now)

    assert fresh(series).times is None
    assert run_at(MONDAY + WEEK) == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.AUDITOR}])
def test_whose_creator_may_no_longer_push_waits_for_a_person(
    first_push, owner, actor, moment, change
):
    series = repeat(first_push, actor, moment)
    User.objects.filter(pk=owner.pk).update(**change)

    assert run_at(MONDAY) == 0

    stopped = fresh(series)
    assert stopped.status == PushSeries.Status.PAUSED
    assert SeriesOccurrence.objects.get().skipped == "owner"
    assert SeriesOccurrence.objects.unread().get().series == stopped

    colleague = User.objects.create(username="lin", role=Role.HQ_ADMIN)
    other = actor_for(user=colleague, now=MONDAY)
    series_services.resume_series(series=stopped, actor=other, now=MONDAY)
    assert run_at(MONDAY + WEEK) == 1
    assert SeriesOccurrence.objects.get(push__isnull=False).push.created_by == other.label


def test_an_empty_segment_leaves_the_day_out_and_the_series_running(first_push, actor, moment):
    series = repeat(first_push, actor, moment)
    FollowRelation.objects.update(until=moment, ended_by="customer")

    assert run_at(MONDAY) == 0

    assert SeriesOccurrence.objects.get().skipped == "empty"
    assert fresh(series).next_at == MONDAY + WEEK
    with clock.at(MONDAY):
        assert series_services.note_skipped(series=series, actor=actor, now=MONDAY) == 1
    assert not SeriesOccurrence.objects.unread().exists()


def test_a_withdrawn_script_and_content_that_ran_out_leave_the_day_out(actor, moment, first_push):
    script = MessageTemplate.objects.create(name="问候", body="您好", is_active=False)
    over = ContentAsset.objects.create(title="秋冬", valid_until=moment)
    with_script = repeat(first_push, actor, moment)
    TaskPush.objects.filter(pk=with_script.pattern_id).update(template=script)
    with_content = repeat(first_push, actor, moment)
    TaskPush.objects.filter(pk=with_content.pattern_id).update(asset=over)

    assert run_at(MONDAY) == 0

    assert {day.series_id: day.skipped for day in SeriesOccurrence.objects.all()} == {
        with_script.pk: "script",
        with_content.pk: "content",
    }


def test_a_kind_of_work_that_is_off_leaves_the_day_out(actor, moment, settings):
    make_team(moment, guides=1)
    push = make_item_push(moment, kind="moments", body="新靴到店")
    repeat(push, actor, moment)
    settings.MODULES_OFF = ["moments"]

    assert run_at(MONDAY) == 0

    assert SeriesOccurrence.objects.get().skipped == "module"


def test_what_cannot_be_handed_out_says_why_and_does_not_stop_the_others(first_push, actor, moment):
    broken, whole = repeat(first_push, actor, moment), repeat(first_push, actor, moment)
    TaskPush.objects.filter(pk=broken.pattern_id).update(body="")

    assert run_at(MONDAY) == 1

    day = SeriesOccurrence.objects.get(series=broken)
    assert (day.skipped, day.push_id) == ("refused", None)
    assert "话术" in day.sentence
    assert SeriesOccurrence.objects.get(series=whole).push is not None


# --- the pattern, and who may ---------------------------------------------------------------------


def test_the_pattern_itself_never_goes_out_and_is_not_thrown_away(first_push, actor, moment):
    pattern = repeat(first_push, actor, moment).pattern

    with pytest.raises(PushRepeats):
        services.hand_out(push=pattern, now=moment, actor=actor)
    with pytest.raises(PushRepeats):
        services.approve_push(push=pattern, now=moment, actor=actor)
    with pytest.raises(PushRepeats):
        services.delete_draft(push=pattern, actor=actor)
    assert services.hand_out_due(now=MONDAY) == 0


def test_what_the_pattern_says_now_is_what_goes_out_next(first_push, actor, moment):
    series = repeat(first_push, actor, moment)
    pushes.update_push(push=series.pattern, actor=actor, body="新的话术", title="新标题")

    run_at(MONDAY)

    made = SeriesOccurrence.objects.get().push
    assert (made.body, made.title) == ("新的话术", "新标题 · 03-23")


def test_the_same_form_sent_twice_makes_one_series(first_push, actor, moment):
    given = {"terms": WEEKLY, "actor": actor, "now": moment, "client_id": uuid.uuid4()}

    one = series_services.repeat_push(push=first_push, **given)
    two = series_services.repeat_push(push=first_push, **given)

    assert one == two
    assert PushSeries.objects.count() == 1


def test_only_head_office_repeats_pushes(first_push, moment):
    region = User.objects.create(username="wu", role=Role.REGION_MANAGER)

    with pytest.raises(NotYourStore):
        repeat(first_push, actor_for(user=region, now=moment), moment)


def test_a_draft_of_the_wizard_becomes_the_pattern(actor, moment):
    team = make_team(moment, friends=2)
    draft = make_push(members_of(team), moment, actor=actor)
    series = series_services.prepare_series(push=draft, terms=WEEKLY, actor=actor, now=moment)
    draft.refresh_from_db()
    assert (draft.hand_out_at, series.status) == (MONDAY, "prepared")

    series_services.start_series(push=draft, actor=actor, now=moment)
    again = series_services.start_series(push=draft, actor=actor, now=moment)

    draft.refresh_from_db()
    assert (draft.status, again.status, again.next_at) == ("pattern", "running", MONDAY)
    assert GuideTask.objects.count() == 0


def test_a_draft_that_goes_out_once_after_all_has_no_series(actor, moment):
    draft = make_push(members_of(make_team(moment)), moment, actor=actor)
    series_services.prepare_series(push=draft, terms=WEEKLY, actor=actor, now=moment)

    series_services.prepare_series(push=draft, terms=None, actor=actor, now=moment)
    series_services.prepare_series(push=draft, terms=WEEKLY, actor=actor, now=moment)
    services.delete_draft(push=draft, actor=actor)

    assert not PushSeries.objects.exists()


def test_the_list_begins_with_what_runs_and_what_comes_next(first_push, actor, moment):
    ended = repeat(first_push, actor, moment)
    monthly = repeat(first_push, actor, moment, every="month", number=1)
    paused = repeat(first_push, actor, moment)
    weekly = repeat(first_push, actor, moment)
    series_services.end_series(series=ended, actor=actor, now=moment)
    series_services.pause_series(series=paused, actor=actor, now=moment)

    listed = [series.pk for series in selectors.series_list(actor=actor)]

    assert listed == [weekly.pk, monthly.pk, paused.pk, ended.pk]


# --- known before ---------------------------------------------------------------------------------


def warnings_of(moment, **changes):
    terms = SeriesTerms(**{**vars_of(WEEKLY), **changes})
    return selectors.rhythm_warnings(
        kind="contact",
        rhythm=Rhythm(terms.every, terms.number, terms.starts_on),
        due_days=terms.due_days,
        now=moment,
        until=terms.until,
        times=terms.times,
    )


def test_more_often_than_wecom_delivers_is_said_before(moment, settings):
    settings.WECOM_MONTHLY_CAP = 3

    assert any("4" in words and "3" in words for words in warnings_of(moment))
    assert not any("企业微信" in words for words in warnings_of(moment, every="month", number=1))


@pytest.mark.parametrize(("rule", "words"), [("week", "一周内最多"), ("day", "一天内最多")])
def test_the_period_is_the_one_wecom_counts_in(first_push, actor, moment, settings, rule, words):
    settings.WECOM_CAP_RULE = rule
    for _one in range(8):
        repeat(first_push, actor, moment, every="days", number=1)

    assert any(words in said for said in warnings_of(moment, every="days", number=1))


def test_the_other_series_count_with_it(first_push, actor, moment, settings):
    settings.WECOM_MONTHLY_CAP = 5
    assert not any("企业微信" in words for words in warnings_of(moment))

    repeat(first_push, actor, moment)

    assert any("企业微信" in words for words in warnings_of(moment))


def test_only_as_many_times_as_are_left_count(first_push, actor, moment, settings):
    settings.WECOM_MONTHLY_CAP = 4
    limited = warnings_of(moment, every="days", number=1, times=4)
    assert not any("企业微信" in words for words in limited)
    over = warnings_of(moment, every="days", number=1, times=5)
    assert any("企业微信" in words for words in over)

    other = repeat(first_push, actor, moment, every="days", number=1, times=2)
    run_at(other.next_at)
    one_left = {"every": "days", "number": 1, "starts_on": date(2026, 3, 20)}
    assert not any("企业微信" in words for words in warnings_of(moment, times=3, **one_left))
    assert any("企业微信" in words for words in warnings_of(moment, times=4, **one_left))


@pytest.mark.parametrize(
    ("gap", "due_days", "pause", "open_work"),
    [
        (7, 2, True, False),
        (14, 2, True, False),  # what the form offers: reached up to two days after the hand-out
        (16, 2, True, False),
        (17, 2, False, False),
        (7, 4, True, True),  # overdue work stays open three days more
        (30, 27, True, True),
        (30, 15, False, False),
    ],
)
def test_a_rhythm_that_leaves_people_out_is_said_before(moment, gap, due_days, pause, open_work):
    said = warnings_of(moment, every="days", number=gap, due_days=due_days)

    assert any("可能隔几次才收到" in words for words in said) == pause
    assert any("待处理" in words for words in said) == open_work
    assert len(said) == pause + open_work


# --- several workers ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_make_one_push(first_push, actor, moment):
    repeat(first_push, actor, moment)
    start, made = threading.Barrier(3), []

    def work():
        try:
            start.wait()
            made.append(run_at(MONDAY))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _one in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(made) == [0, 0, 1]
    assert SeriesOccurrence.objects.count() == 1
    assert transaction.get_autocommit()
