"""企微 › 对账: how both sides stand, go on, dry run; the command says the same."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.stores.models import Guide, Store
from apps.wecom_sync.jobs import compare
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import sync_kind
from tests.factories import outreach as make
from tests.factories.facts import make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def corp(db):
    return make.connect_corp()


def run_of(corp, **fields):
    now = clock.now()
    return SyncRun.objects.create(
        **{
            "corp_id": corp.corp_id,
            "kind": "contacts",
            "state": "done",
            "started_at": now,
            **fields,
        }
    )


def page_of(client):
    return client.get(reverse("hq:sync")).content.decode()


def test_a_run_that_stopped_is_named_and_goes_on(admin_client, corp):
    run_of(
        corp, state="failed", error="RateLimited 45009", position="17", parts=400, parts_done=100
    )

    page = page_of(admin_client)

    assert "中断：外部联系人与好友关系" in page
    assert "接着对" in page
    assert "100 / 400" in page


def test_a_run_whose_worker_is_gone_counts_as_stopped(admin_client, corp):
    run_of(corp, state="running", position="9", lease_until=clock.now() - timedelta(seconds=1))

    assert "接着对" in page_of(admin_client)


def test_differences_that_are_left_are_counted_on_top(admin_client, corp):
    run_of(corp, missing_here=12, missing_there=3, healed=10)

    assert "还有 5 处不一致" in page_of(admin_client)


def test_what_a_later_dry_run_does_not_find_any_more_is_not_left(admin_client, corp):
    run_of(corp, missing_here=12, healed=10)
    run_of(corp, dry=True, missing_here=2)
    assert "还有 2 处不一致" in page_of(admin_client)

    run_of(corp, dry=True)

    page = page_of(admin_client)
    assert "处不一致" not in page
    assert "一致" in page


def test_pressing_the_button_rings_the_job_and_is_audited(
    admin_client, corp, monkeypatch, django_capture_on_commit_callbacks
):
    rung = []
    monkeypatch.setattr("apps.hq.pages.sync.wake", lambda name, **kwargs: rung.append(kwargs))

    admin_client.post(
        reverse("hq:compare_now", args=["contacts"]), {"corp": corp.corp_id, "dry": "yes"}
    )

    assert rung == [{"corp_id": corp.corp_id, "kind": "contacts", "dry": True}]
    assert AuditEntry.objects.get(action="job.run").detail == {"kind": "contacts", "dry": True}


def test_an_operator_reads_and_does_not_press(operator_client, corp):
    assert reverse("hq:compare_now", args=["contacts"]) not in page_of(operator_client)
    answer = operator_client.post(reverse("hq:compare_now", args=["contacts"]))
    assert answer.status_code == 403


def test_a_dry_run_shows_examples_of_guides_and_no_customer(admin_client, corp, simulator):
    guide = make.make_posted_guide(simulator=simulator)
    make.seed(simulator, guide, ["wmSecret1", "wmSecret2"])

    compare(corp.corp_id, "contacts", True)

    page = page_of(admin_client)
    assert f"{guide.name}（{guide.wecom_userid}）：将新增好友 2 位" in page
    assert "wmSecret" not in page


def test_a_dry_run_says_what_switching_on_a_store_would_begin(admin_client, corp, simulator):
    waits, _without = make_store(), make_store()
    Store.objects.update(live_since=None)
    Store.objects.filter(pk=waits.pk).update(wecom_department_id=7)
    simulator.post(
        "/sim/seed",
        departments=[{"id": 7, "name": "待上线店"}],
        users=[
            {"userid": f"new_{n}", "name": "新人", "department": [7], "status": 1} for n in range(3)
        ],
    )

    compare(corp.corp_id, "departments", True)

    page = page_of(admin_client)
    assert "尚未上线；上线后将新增 3 人入店" in page
    assert "1 家门店尚未上线；全部上线后将新增 3 人入店" in page
    assert "1 家门店没有填企微部门编号" in page
    assert not Guide.objects.filter(wecom_userid="new_0").exists()


def test_an_old_dry_run_is_not_shown_any_more(admin_client, corp):
    run = run_of(corp, dry=True)
    assert "对账会改动什么" in page_of(admin_client)

    SyncRun.objects.filter(pk=run.pk).update(started_at=clock.now() - timedelta(days=4))

    assert "对账会改动什么" not in page_of(admin_client)


def test_the_page_costs_the_same_queries_at_any_number_of_runs(
    admin_client, corp, django_assert_max_num_queries
):
    run_of(corp)
    page_of(admin_client)
    with django_assert_max_num_queries(12) as few:
        page_of(admin_client)
    for number in range(30):
        run_of(corp, missing_here=number, dry=number % 2 == 0)

    with django_assert_max_num_queries(len(few)):
        page_of(admin_client)


def test_the_command_tells_a_machine_what_would_change(corp, simulator):
    guide = make.make_posted_guide(simulator=simulator)
    make.seed(simulator, guide, ["wmFriend1"])
    out = StringIO()

    call_command("wecom_sync", "--kind", "contacts", "--dry-run", "--json", stdout=out)

    told = json.loads(out.getvalue().splitlines()[-1])
    (run,) = told["runs"]
    assert told["dry_run"] is True
    assert (run["kind"], run["missing_here"], run["healed"]) == ("contacts", 1, 0)
    assert run["examples"][0]["what"] == "new_friends"
    assert sync_kind(corp=corp, kind="contacts", now=clock.now()).healed == 1
