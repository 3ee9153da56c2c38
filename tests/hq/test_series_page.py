from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.guide_tasks.models import PushSeries, SeriesOccurrence, TaskPush
from apps.guide_tasks.services import recurring
from apps.guide_tasks.services import series as services
from apps.guide_tasks.services.series import SeriesTerms
from apps.segments.services import run_segment, save_segment
from apps.stores.selectors import actor_for
from tests.factories.tasks import deliver, hand_out, make_team, members_of, target_of
from tests.hq.conftest import signed_in
from tests.hq.test_wizard import WHEN, step, walk

pytestmark = [pytest.mark.django_db, pytest.mark.service]

MONDAY = datetime(2026, 3, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
FORM = {
    "client_id": "0195b1de-0000-7000-8000-000000000001",
    "every": "week",
    "weekday": "1",
    "month_day": "1",
    "days": "14",
    "series_hour": "10:00",
    "due_days": "2",
    "due_hour": "21:00",
    "starts_on": "2026-03-18",
    "until": "",
    "times": "",
}
ALL = {"op": "and", "items": [{"field": "is_friend", "operator": "is", "value": True}]}


@pytest.fixture
def push(team, fixed_clock):
    return hand_out(members_of(team), fixed_clock, title="秋冬回访 · 03-18")


def page_of(series):
    return reverse("hq:series", args=[series.pk])


def act(client, series, name):
    return client.post(reverse("hq:series_act", args=[series.pk]), {"act": name}, follow=True)


def run_at(moment):
    with clock.at(moment):
        return recurring.hand_out_series(now=moment)


def make_series(now, owner, *, weeks=0):
    version = save_segment(name="好友", definition=ALL, actor=SYSTEM)
    first = hand_out([], now, segment_run=run_segment(version=version, now=now, cause="push"))
    terms = SeriesTerms("week", 1, now.date(), time(10), 1, time(21))
    actor = actor_for(user=owner, now=now)
    series = services.repeat_push(push=first, terms=terms, actor=actor, now=now)
    for week in range(weeks):
        run_at(MONDAY + timedelta(days=7 * week))
    return series


def test_a_push_that_was_handed_out_repeats_from_its_page(operator_client, push):
    assert (
        reverse("hq:push_repeat", args=[push.pk])
        in operator_client.get(reverse("hq:push", args=[push.pk])).content.decode()
    )
    address = reverse("hq:push_repeat", args=[push.pk])
    form = operator_client.get(address)
    assert form.context["form"]["weekday"].value() == 3  # it went out on a Wednesday
    assert [day.isoformat() for day in form.context["coming"]][:2] == ["2026-03-25", "2026-04-01"]

    warned = operator_client.post(address, FORM)
    assert warned.context["must_confirm"]
    assert not PushSeries.objects.exists()
    done = operator_client.post(address, {**FORM, "confirmed": "1"}, follow=True)
    operator_client.post(address, {**FORM, "confirmed": "1"})

    series = PushSeries.objects.get()
    assert series.next_at == MONDAY
    assert done.redirect_chain == [(page_of(series), 302)]
    assert "每星期一 10:00" in done.content.decode()
    assert "03-23 10:00" in done.content.decode()


def test_what_the_form_does_not_understand_is_said_on_it(operator_client, push):
    address = reverse("hq:push_repeat", args=[push.pk])

    shape = operator_client.post(address, {**FORM, "days": "0", "every": "days", "until": "x"})
    rule = operator_client.post(address, {**FORM, "series_hour": "03:00", "confirmed": "1"})

    assert shape.status_code == rule.status_code == 422
    assert set(shape.context["form"].errors) == {"days", "until"}
    assert "07:00" in rule.context["problem"]


def test_the_page_shows_the_days_side_by_side(operator_client, fixed_clock, team):
    series = make_series(fixed_clock, User.objects.get(), weeks=2)
    first = SeriesOccurrence.objects.order_by("on").first().push
    with clock.at(MONDAY + timedelta(hours=1)) as later:
        deliver(target_of(first, members_of(team)[0]), later)

    page = operator_client.get(page_of(series))

    rows = {day.on.isoformat(): figures for day, figures in page.context["rows"]}
    assert list(rows) == ["2026-03-30", "2026-03-23"]
    assert (rows["2026-03-23"].issued, rows["2026-03-23"].delivered) == (6, 1)
    assert rows["2026-03-23"].planned == rows["2026-03-30"].planned == 6
    assert "何静" in page.content.decode()


def test_a_later_time_says_why_it_has_no_lift(operator_client, fixed_clock):
    before = fixed_clock - timedelta(days=7)
    people = members_of(make_team(before, friends=20))
    first = hand_out(people, before, control_share_bp=5000)
    second = hand_out(people, fixed_clock, campaign=first.campaign)

    shown = [
        operator_client.get(reverse("hq:push", args=[push.pk])).content.decode()
        for push in (first, second)
    ]

    assert ["两组已不可比" in page for page in shown] == [False, True]
    assert "不是第一次下发" in shown[1]


def test_a_series_is_paused_resumed_and_ended_with_a_button(operator_client, fixed_clock, team):
    series = make_series(fixed_clock, User.objects.get())

    states = []
    for name in ("pause", "resume", "end", "resume"):
        act(operator_client, series, name)
        series.refresh_from_db()
        states.append(series.status)

    assert states == ["paused", "running", "ended", "ended"]
    assert (
        operator_client.post(
            reverse("hq:series_act", args=[series.pk]), {"act": "else"}
        ).status_code
        == 404
    )


def test_a_day_left_out_stands_on_the_home_page_until_somebody_has_read_why(
    operator_client, fixed_clock, team
):
    series = make_series(fixed_clock, User.objects.get())
    TaskPush.objects.filter(pk=series.pattern_id).update(body="")
    run_at(MONDAY)
    home, line = reverse("admin:index"), "1 个周期下发有日子没发出"

    assert line in operator_client.get(home).content.decode()
    assert "没能下发" in operator_client.get(page_of(series)).content.decode()
    act(operator_client, series, "noted")

    assert line not in operator_client.get(home).content.decode()


def test_the_rhythm_is_changed_on_its_page(operator_client, fixed_clock, team):
    series = make_series(fixed_clock, User.objects.get())
    address = reverse("hq:series_change", args=[series.pk])
    assert operator_client.get(address).context["form"]["weekday"].value() == 1

    operator_client.post(
        address, {**FORM, "every": "month", "month_day": "31", "series_hour": "09:30"}
    )

    series.refresh_from_db()
    assert (series.every, series.number) == ("month", 31)
    assert series.next_at == datetime(2026, 3, 31, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_the_pattern_stands_in_no_list_of_pushes(operator_client, fixed_clock, team):
    series = make_series(fixed_clock, User.objects.get())

    listed = operator_client.get(reverse("hq:pushes")).context["page"].object_list

    assert series.pattern_id not in [push.pk for push in listed]
    assert operator_client.get(reverse("hq:push", args=[series.pattern_id])).url == page_of(series)


def test_the_list_and_the_page_ask_no_more_for_more_rows(operator_client, fixed_clock):
    make_team(fixed_clock, friends=2)
    owner = User.objects.get()
    series = make_series(fixed_clock, owner, weeks=1)
    addresses = [reverse("hq:series_list"), page_of(series)]

    def queries():
        counted = []
        for address in addresses:
            operator_client.get(address)
            with CaptureQueriesContext(
                connection,
            ) as captured:
                operator_client.get(address)
            counted.append(len(captured))
        return counted

    few = queries()
    for _more in range(3):
        make_series(fixed_clock, owner)
    for week in range(1, 4):
        run_at(MONDAY + timedelta(days=7 * week))

    assert queries() == few
    assert SeriesOccurrence.objects.count() >= 10


# --- in the wizard --------------------------------------------------------------------------------


RHYTHM = {name: value for name, value in FORM.items() if name != "client_id"}
HOURS = {name: value for name, value in WHEN.items() if name not in ("hand_out_at", "due_at")}


@pytest.fixture
def draft(operator_client, team):
    segment = save_segment(name="好友", definition=ALL, actor=SYSTEM).segment
    operator_client.post(reverse("hq:push_new"), {"segment": segment.pk})
    return TaskPush.objects.get()


def test_a_new_push_repeats_when_the_third_step_says_so(operator_client, draft):
    walk(operator_client, draft)
    operator_client.post(step(draft, 3), {**HOURS, **RHYTHM, "next": "1"})

    check = operator_client.get(step(draft, 6))
    assert "每星期一 10:00" in check.content.decode()
    assert "14 天" in check.content.decode()  # what to know before
    done = operator_client.post(step(draft, 6), {"hand_out": "1"})
    operator_client.post(step(draft, 6), {"hand_out": "1"})

    series = PushSeries.objects.get()
    assert (series.status, series.next_at) == ("running", MONDAY)
    assert done.url == page_of(series)
    assert run_at(MONDAY) == 1
    assert SeriesOccurrence.objects.get().push.title == "秋冬回访 · 03-23"


def test_a_repeating_draft_that_lay_for_days_begins_with_the_first_day_ahead(
    operator_client, draft
):
    walk(operator_client, draft)
    operator_client.post(step(draft, 3), {**HOURS, **RHYTHM, "next": "1"})

    with clock.at(MONDAY + timedelta(days=3)):  # its first day and that one's due time are over
        check = operator_client.get(step(draft, 6))
        assert check.context["gaps"] == []
        assert "03-30 10:00" in check.content.decode()
        assert "04-01 21:00" in check.content.decode()
        operator_client.post(step(draft, 6), {"hand_out": "1", "confirmed": "1"})

    assert PushSeries.objects.get().next_at == MONDAY + timedelta(days=7)


def test_a_repeating_draft_without_a_day_ahead_says_so(operator_client, draft):
    walk(operator_client, draft)
    operator_client.post(step(draft, 3), {**HOURS, **RHYTHM, "until": "2026-03-23", "next": "1"})

    with clock.at(MONDAY + timedelta(hours=1)):
        check = operator_client.get(step(draft, 6))

    assert len(check.context["gaps"]) == 1
    assert "结束条件" in check.context["gaps"][0]


def test_the_third_step_takes_a_rhythm_back(operator_client, draft):
    walk(operator_client, draft)
    operator_client.post(step(draft, 3), {**HOURS, **RHYTHM, "next": "1"})
    assert operator_client.get(step(draft, 3)).context["rhythm"]["every"].value() == "week"

    operator_client.post(step(draft, 3), {**WHEN, **RHYTHM, "every": "once", "next": "1"})
    done = operator_client.post(step(draft, 6), {"hand_out": "1"})

    assert not PushSeries.objects.exists()
    assert done.url == reverse("hq:push", args=[draft.pk])


def test_a_rhythm_that_cannot_be_is_said_on_the_step_and_keeps_nothing(operator_client, draft):
    walk(operator_client, draft)

    said = operator_client.post(
        step(draft, 3), {**HOURS, **RHYTHM, "series_hour": "02:00", "minutes_per_target": "9"}
    )

    assert "07:00" in said.context["problem"]
    draft.refresh_from_db()
    assert draft.minutes_per_target != 9


def test_what_a_series_says_is_changed_in_the_wizard_and_never_handed_out_there(
    operator_client, fixed_clock, team
):
    series = make_series(fixed_clock, User.objects.get())
    pattern = series.pattern
    assert "Repeats" not in operator_client.get(step(pattern, 2)).content.decode()
    texts = {"title": "新标题", "body": "新的话术", "generic_body": "新的话术", "next": "1"}
    operator_client.post(step(pattern, 2), texts)
    assert 'value="once"' not in operator_client.get(step(pattern, 3)).content.decode()
    done = operator_client.post(step(pattern, 6), {"hand_out": "1"})

    pattern.refresh_from_db()
    assert done.url == page_of(series)
    assert (pattern.status, pattern.body) == ("pattern", "新的话术")
    assert run_at(MONDAY) == 1
    assert SeriesOccurrence.objects.get().push.body == "新的话术"


def test_an_auditor_reads_and_changes_nothing(fixed_clock, operator_client, team):
    series = make_series(fixed_clock, User.objects.get(role=Role.HQ_OPERATOR), weeks=1)
    auditor = signed_in(Role.AUDITOR)

    shown = auditor.get(page_of(series))

    assert shown.status_code == 200
    assert not shown.context["may_push"]
    assert reverse("hq:series_change", args=[series.pk]) not in shown.content.decode()
    assert (
        auditor.post(reverse("hq:series_act", args=[series.pk]), {"act": "end"}).status_code == 403
    )
