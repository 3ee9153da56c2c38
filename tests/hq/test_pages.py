import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from apps.accounts.actor import SYSTEM
from apps.accounts.models import ApiKey, AuditEntry
from apps.accounts.services import authenticate_api_key
from apps.core.jobs import QUEUES, queue_of
from apps.core.models import JobRun
from apps.customer_groups.models import GroupSend
from apps.hq import charts
from apps.hq.beat_schedule import ENTRIES
from apps.members.services import stop_contact
from apps.outreach.models import Dispatch, DispatchRecipient, MomentPost
from apps.reports.statistics import Interval
from tests.factories.items import make_item_push
from tests.factories.outreach import CORP, connect_corp
from tests.factories.tasks import hand_out, members_of, tap, target_of

JOBS = "admin:django_celery_beat_periodictask_changelist"


# --- jobs ----------------------------------------------------------------------------------------


def test_every_entry_of_the_schedule_is_a_job_with_a_queue():
    assert [entry.job for entry in ENTRIES if queue_of(entry.job) is None] == []
    assert len(QUEUES) >= len(ENTRIES)


def test_the_schedule_is_made_after_migrate_and_left_alone_afterwards(db):
    task = PeriodicTask.objects.get(task="guide_tasks.run_rules")
    task.enabled = False
    task.save()
    PeriodicTask.objects.filter(task="outreach.sweep").delete()

    call_command("migrate", verbosity=0)

    task.refresh_from_db()
    assert not task.enabled
    assert PeriodicTask.objects.filter(task="outreach.sweep").count() == 1
    assert PeriodicTask.objects.filter(task__in=[entry.job for entry in ENTRIES]).count() == len(
        ENTRIES
    )


def test_page_tells_what_each_job_is_for_and_how_it_went(admin_client, fixed_clock):
    JobRun.objects.create(
        name="outreach.sweep",
        started_at=fixed_clock,
        finished_at=fixed_clock + timedelta(seconds=2),
        ok=False,
        error="Boom",
    )

    page = admin_client.get(reverse(JOBS))

    row = next(row for row, _options in page.context["rows"] if row.job == "outreach.sweep")
    assert row.mark == "bad"
    assert row.seconds == 2
    assert str(row.purpose) in page.content.decode()
    assert len(page.context["rows"]) == len(ENTRIES)
    assert page.context["broken"] == 1


def test_frequency_and_switch_can_be_changed_and_are_recorded(admin_client):
    tasks = PeriodicTask.objects.filter(task__in=[entry.job for entry in ENTRIES])
    data = {f"enabled-{task.pk}": "on" for task in tasks}
    sweep = tasks.get(task="outreach.sweep")
    nightly = tasks.get(task="profiles.nightly_stages")
    del data[f"enabled-{nightly.pk}"]

    admin_client.post(
        reverse("hq:save_jobs"), {**data, f"every-{sweep.pk}": "i:300", f"every-{nightly.pk}": "x"}
    )

    sweep.refresh_from_db()
    nightly.refresh_from_db()
    assert (sweep.interval.every, sweep.interval.period) == (300, "seconds")
    assert not nightly.enabled
    assert AuditEntry.objects.filter(action="job.changed").count() == 2


def test_a_job_can_be_changed_to_a_time_of_day(admin_client):
    tasks = PeriodicTask.objects.filter(task__in=[entry.job for entry in ENTRIES])
    data = {f"enabled-{task.pk}": "on" for task in tasks}
    sweep = tasks.get(task="outreach.sweep")

    admin_client.post(reverse("hq:save_jobs"), {**data, f"every-{sweep.pk}": "d:02:30"})

    sweep.refresh_from_db()
    assert sweep.interval is None
    assert (sweep.crontab.hour, sweep.crontab.minute) == ("2", "30")


def test_a_job_is_started_by_post_alone(admin_client):
    task = PeriodicTask.objects.get(task="outreach.sweep")
    url = reverse("hq:run_job", args=[task.pk])

    assert admin_client.put(url).status_code == 405
    assert not AuditEntry.objects.filter(action="job.run").exists()
    assert admin_client.post(url).status_code == 302
    assert AuditEntry.objects.get(action="job.run").object_id == "outreach.sweep"


def test_who_opens_the_address_of_a_form_is_led_to_its_page(admin_client):
    task = PeriodicTask.objects.get(task="outreach.sweep")

    page = admin_client.get(reverse("hq:run_job", args=[task.pk]), follow=True)

    assert page.redirect_chain[0] == (reverse("hq:system"), 302)
    assert "没有做任何改动" in page.content.decode()
    assert not AuditEntry.objects.filter(action="job.run").exists()


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works(admin_client, fixed_clock):
    page = admin_client.post(
        reverse("admin:accounts_apikey_add"),
        {"name": "收银", "scopes": ["api_write_orders"], "expires_at_0": "", "expires_at_1": ""},
        follow=True,
    )

    key = ApiKey.objects.get()
    shown = [str(message) for message in page.context["messages"]]
    secret = next(text for text in shown if key.prefix in text).rpartition("：")[2].strip()
    assert authenticate_api_key(raw=secret, now=fixed_clock) == key
    again = admin_client.get(reverse("admin:accounts_apikey_change", args=[key.pk]))
    assert secret not in again.content.decode()


# --- WeCom ---------------------------------------------------------------------------------------


@pytest.fixture
def unknown(team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock)
    send = tap(target_of(push, team[0][1][0]), fixed_clock)
    Dispatch.objects.filter(pk=send.pk).update(
        state="unknown", unknown_since=fixed_clock, call_started_at=fixed_clock
    )
    return send


def test_a_send_with_unknown_outcome_needs_one_decision(admin_client, unknown, simulator):
    listed = admin_client.get(reverse("hq:unknown_sends"))
    assert [row["send"].pk for row in listed.context["rows"]] == [unknown.pk]

    admin_client.post(reverse("hq:decide_send", args=[unknown.pk]), {"happened": "no"})

    unknown.refresh_from_db()
    assert unknown.state == Dispatch.State.FAILED
    assert DispatchRecipient.objects.get(dispatch=unknown).state == "not_sent"
    assert AuditEntry.objects.get(action="send.decided").detail == {"happened": False}
    assert list(admin_client.get(reverse("hq:unknown_sends")).context["rows"]) == []


@pytest.fixture
def unknown_post(team, fixed_clock):
    push = make_item_push(fixed_clock, title="晒新靴")
    return MomentPost.objects.create(
        source=push.source,
        corp_id=CORP,
        text="秋冬新靴到店",
        userids=["lin", "he"],
        state="unknown",
        reason="不知道",
        unknown_since=fixed_clock,
        call_started_at=fixed_clock,
        not_before=fixed_clock,
        closes_at=fixed_clock + timedelta(days=2),
    )


def test_a_moments_post_nobody_knows_of_needs_one_decision(admin_client, unknown_post):
    page = admin_client.get(reverse("hq:unknown_sends"))
    assert [row["post"] for row in page.context["posts"]] == [unknown_post]
    assert {"不知道", "晒新靴"} <= set(re.findall(r"不知道|晒新靴", page.content.decode()))
    todo = [row.link for row in admin_client.get("/admin/").context["todos"]]
    assert reverse("hq:unknown_sends") in todo

    address = reverse("hq:decide_moment", args=[unknown_post.pk])
    admin_client.post(address, {"published": "no"})

    unknown_post.refresh_from_db()
    assert unknown_post.state == MomentPost.State.QUEUED
    assert AuditEntry.objects.get(action="moment.decided").detail == {"published": False}
    assert admin_client.get(reverse("hq:unknown_sends")).context["posts"] == []


def test_a_send_to_groups_nobody_knows_of_needs_one_decision(
    admin_client, team, fixed_clock, simulator
):
    connect_corp()
    lost = GroupSend.objects.create(
        source=make_item_push(fixed_clock, title="群里晒新靴").source,
        guide=team[0][0],
        corp_id=CORP,
        text="秋冬新靴到店",
        chat_ids=["wrLost"],
        state="unknown",
        unknown_since=fixed_clock,
        call_started_at=fixed_clock,
        not_before=fixed_clock,
        closes_at=fixed_clock + timedelta(days=2),
    )
    page = admin_client.get(reverse("hq:unknown_sends")).content.decode()
    address = reverse("hq:decide_group_send", args=[lost.pk])
    assert {"群里晒新靴", address} <= set(re.findall(f"群里晒新靴|{address}", page))
    todo = [row.link for row in admin_client.get("/admin/").context["todos"]]
    assert reverse("hq:unknown_sends") in todo

    for _time in range(2):
        admin_client.post(address, {"happened": "no"})

    lost.refresh_from_db()
    assert lost.state == "queued"
    assert AuditEntry.objects.filter(action="group_send.decided").count() == 1
    assert admin_client.get(reverse("hq:unknown_sends")).context["to_groups"] == []


def test_health_counts_unknown_posts_beside_unknown_sends(admin_client, unknown, unknown_post):
    rows = admin_client.get(reverse("hq:wecom_health")).context["rows"]

    (row,) = [row for row in rows if row.link == reverse("hq:unknown_sends")]
    assert row.value == "2"


def test_health_says_what_needs_somebody_first(admin_client, unknown):
    page = admin_client.get(reverse("hq:wecom_health"))

    marks = [row.mark for row in page.context["rows"]]
    assert marks[0] == "warn"
    assert "要你处理" in page.context["verdict"]


# --- start, home, charts ------------------------------------------------------------------------


def test_outside_the_demo_the_start_page_leads_to_head_office(client, db):
    assert client.get("/").url == reverse("admin:index")


def test_the_demo_starts_with_three_doors(client, db, settings, tmp_path):
    settings.DEMO, settings.SIMULATOR_URL = True, "http://127.0.0.1:9"
    settings.DATA_DIR = tmp_path
    (tmp_path / "demo.env").write_text("HQ_USER='hq'\nHQ_PASSWORD='secret-of-the-demo'\n")

    page = client.get("/")

    text = page.content.decode()
    assert len(page.context["doors"]) == 3
    assert text.count("data:image/svg+xml") == 3
    assert "secret-of-the-demo" in text
    assert "<script" not in text


def test_home_leads_with_the_best_next_push(admin_client, team):
    page = admin_client.get(reverse("admin:index"))

    assert page.context["found"].loop[0].code == "planned"
    assert [cell.number.code for cell in page.context["cells"]] == [
        "planned", "issued", "started", "delivered", "purchased",
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["issued", "started", "delivered", "purchased"])
def test_every_number_of_the_loop_opens_its_list(admin_client, team, fixed_clock, code):
    hand_out(members_of(team), fixed_clock)

    page = admin_client.get(reverse("hq:loop_people", args=[code]))

    assert page.context["total"] == (6 if code == "issued" else 0)


def test_whom_the_loop_chose_stands_push_by_push_and_adds_up(admin_client, team, fixed_clock):
    people = members_of(team)
    stop_contact(member_id=people[0].pk, source="test", now=fixed_clock, actor=SYSTEM)
    hand_out(people, fixed_clock)
    hand_out(people[:2], fixed_clock - timedelta(days=40), due_at=fixed_clock)

    home = admin_client.get(reverse("admin:index"))
    cell = home.context["cells"][0]
    page = admin_client.get(cell.link)

    assert page.context["sums"] == {"planned": 6, "issued": 5, "control": 0, "not_issued": 1}
    assert page.context["sums"]["planned"] == cell.number.value
    (row,) = page.context["rows"]
    assert reverse("hq:push_people", args=[row.pk, "not_issued"]) in page.content.decode()


def test_the_page_behind_the_segments_asks_as_often_for_many_as_for_few(
    admin_client, team, fixed_clock
):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            admin_client.get(reverse("hq:loop_people", args=["planned"]))
        return len(asked)

    people = members_of(team)
    hand_out(people[:2], fixed_clock)
    queries()
    few = queries()
    hand_out(people[2:4], fixed_clock)
    hand_out(people[4:], fixed_clock)
    assert queries() == few


def test_an_interval_stands_on_a_line_that_holds_zero():
    drawn = charts.interval(Interval(value=124_000, low=-30_000, high=278_000))

    assert drawn.low < drawn.zero < drawn.middle < drawn.low + drawn.width
    assert drawn.label == "+¥1,240"
    assert drawn.marks[0][0] == 24
    assert drawn.marks[-1][0] == 396


def test_a_trend_of_nothing_is_not_drawn():
    assert charts.spark([0, 0, 0]) is None
    assert charts.spark([1]) is None
    assert charts.spark([1, 3, 2]).path.startswith("M1.0")
