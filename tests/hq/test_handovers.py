"""企微 › 继承 and 好友流失 as head office sees them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.handovers.models import HandoverGroup, HandoverItem, HandoverRun
from apps.stores.services import guide_leaves
from tests.factories.groups import make_group
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock):
    shop = open_shop(fixed_clock)
    guide_leaves(guide=shop.guide, now=shop.now, on=shop.now.date())
    return shop


def plan(client, shop):
    fields = {"guide": shop.guide.pk, "store": shop.store.pk}
    client.post(reverse("hq:plan_handover"), fields)
    return HandoverRun.objects.latest("pk")


def test_a_leaver_is_listed_until_a_handover_is_planned_and_started(shop, operator_client):
    listed = operator_client.get(reverse("hq:handovers")).content.decode()
    assert "1 位离职导购还有客户" in listed

    run = plan(operator_client, shop)
    page = operator_client.get(reverse("hq:handover", args=[run.pk])).content.decode()
    assert "3 位客户给 1 位同事" in page
    assert "林*雯" in page
    assert "林晓雯" not in page
    operator_client.post(reverse("hq:handover_act", args=[run.pk]), {"act": "start"})

    run.refresh_from_db()
    assert run.state == "running"
    listed = operator_client.get(reverse("hq:handovers")).content.decode()
    assert "离职导购的客户都已安排" in listed
    rest = reverse("hq:handover", args=[run.pk]) + "?state=rest"
    assert "没有这种状态的客户" in operator_client.get(rest).content.decode()


def test_the_export_is_masked_and_audited(shop, admin_client, operator_client):
    run = plan(admin_client, shop)
    address = reverse("hq:handover_export", args=[run.pk])

    text = admin_client.get(address).content.decode()

    assert text.count("林*雯") == 3
    assert "林晓雯" not in text
    assert AuditEntry.objects.filter(action="handover.exported").count() == 1
    assert operator_client.get(address).status_code == 403


def test_a_failed_customer_is_tried_once_more(shop, operator_client):
    run = plan(operator_client, shop)
    act = reverse("hq:handover_act", args=[run.pk])
    operator_client.post(act, {"act": "start"})
    item = run.items.first()
    HandoverItem.objects.filter(pk=item.pk).update(state="cannot", reason="40143")
    page = operator_client.get(reverse("hq:handover", args=[run.pk])).content.decode()
    assert "原导购的账号被企微封禁，客户不能继承" in page

    fields = {"act": "again", "item": item.pk, "to": shop.colleague.pk}
    operator_client.post(act, fields)

    assert run.items.filter(member=item.member, is_current=True, attempt=2).exists()


def test_groups_stand_beside_the_customers_and_are_tried_again(shop, operator_client):
    make_group(shop.guide, shop.store, shop.now, name="秋冬内购群")
    listed = operator_client.get(reverse("hq:handovers")).content.decode()
    assert "1 位离职导购还有客户或客户群" in listed
    run = plan(operator_client, shop)
    [row] = run.groups.all()
    page = operator_client.get(reverse("hq:handover", args=[run.pk])).content.decode()
    assert "1 个客户群会换群主" in page
    assert "秋冬内购群" in page
    act = reverse("hq:handover_act", args=[run.pk])
    operator_client.post(act, {"act": "change", "group": row.pk, "to": shop.manager.pk})
    assert run.groups.get().takeover == shop.manager
    operator_client.post(act, {"act": "start"})

    run.groups.update(state="cannot", reason="90500", ended_at=shop.now)
    page = operator_client.get(reverse("hq:handover", args=[run.pk])).content.decode()
    assert "请先在企微管理后台删除" in page
    operator_client.post(act, {"act": "again", "group": row.pk, "to": shop.colleague.pk})

    fresh = run.groups.current().get()
    assert (fresh.state, fresh.attempt, fresh.takeover) == ("queued", 2, shop.colleague)


def test_lists_ask_as_often_for_many_as_for_few(shop, operator_client, fixed_clock):
    run = plan(operator_client, shop)
    addresses = [
        reverse("hq:handovers"), reverse("hq:handover", args=[run.pk]), reverse("hq:losses"),
    ]  # fmt: skip
    counts = []
    for _more in range(2):
        shops = [open_shop(fixed_clock, friends=5) for _one in range(2)]
        for one in shops:
            guide_leaves(guide=one.guide, now=one.now, on=one.now.date())
            make_group(one.guide, one.store, one.now)
        plan(operator_client, shops[0])
        HandoverGroup.objects.filter(run__guide=shops[0].guide).update(run=run)
        HandoverItem.objects.filter(run__guide=shops[0].guide).update(run=run, is_current=False)
        for address in addresses:
            operator_client.get(address)
        asked = []
        for address in addresses:
            with CaptureQueriesContext(connection) as queries:
                assert operator_client.get(address).status_code == 200
            asked.append(len(queries))
        counts.append(asked)
    assert counts[0] == counts[1]
