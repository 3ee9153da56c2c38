"""What head office does is on the record, and the record names what it was about."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.accounts.record_words import detail_words
from apps.core.pii import holds_phone
from apps.guide_tasks.errors import CampaignShared
from apps.guide_tasks.services import pushes
from apps.outreach.models import Dispatch
from apps.profiles.models import StageVersion
from apps.stores.models import Posting
from tests.factories.facts import make_guide
from tests.factories.tasks import hand_out, make_push, members_of, tap, target_of
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db


def names_in(page):
    return page.content.decode()


def test_stop_and_its_end_are_audited(operator_client, team):
    member = members_of(team)[0]
    address = reverse("hq:member_stop", args=[member.public_id])

    operator_client.post(address)
    operator_client.post(address, {"lift": "1"})

    written = AuditEntry.objects.filter(object_id=str(member.pk)).order_by("pk")
    assert list(written.values_list("action", flat=True)) == [
        "member.stopped",
        "member.stop_lifted",
    ]


def test_a_note_with_a_phone_number_is_not_taken(admin_client, team):
    member = members_of(team)[0]
    address = reverse("hq:member_unmask", args=[member.public_id])

    for number in (
        "13912345678",
        "139 1234 5678",
        "139-1234-5678",
        "+86 139 1234 5678",
        "8613912345678",
        "0086-139.1234.5678",
        "１３９１２３４５６７８",
        "(010) 6234 5678",
        "0571-87654321",
        "021 62345678",
        "+86 10 62345678",
    ):
        page = admin_client.post(address, {"reason": "complaint", "note": f"退货 {number}"})
        assert "不要写手机号" in names_in(page)

    assert not AuditEntry.objects.filter(action="member.phone_unmasked").exists()
    admin_client.post(address, {"reason": "complaint", "note": "工单 A-1203 退货"})
    assert AuditEntry.objects.filter(action="member.phone_unmasked").count() == 1


@pytest.mark.parametrize(
    "case",
    [
        "2026-05-31 的退货",
        "20260531 下单",
        "2026-05-31 10:20 到店",
        "订单 202605311234567",
        "订单 SO-20260531-0017",
        "售后单 88001234",
        "快递 773012345678901",
        "金额 12345678 分",
    ],
)
def test_dates_and_numbers_of_orders_are_no_phone_numbers(case):
    assert not holds_phone(case)


def test_a_case_with_a_date_and_an_order_shows_the_number(admin_client, team):
    address = reverse("hq:member_unmask", args=[members_of(team)[0].public_id])

    admin_client.post(address, {"reason": "complaint", "note": "2026-05-31 订单 202605311234567"})

    assert AuditEntry.objects.filter(action="member.phone_unmasked").count() == 1


def test_the_audit_names_things_and_leads_to_them(team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock, title="春装到店")
    member = members_of(team)[0]
    accounts.audit(actor=SYSTEM, action="member.stopped", object_type="member", object_id=member.pk)

    page = signed_in(Role.HQ_ADMIN).get(reverse("admin:accounts_auditentry_changelist"))

    assert f'<a href="{reverse("hq:push", args=[push.pk])}">春装到店</a>' in names_in(page)
    assert reverse("hq:member", args=[member.public_id]) in names_in(page)


def test_sends_name_the_push_they_came_from(operator_client, team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock, title="春装到店")
    sent = tap(target_of(push, members_of(team)[0]), fixed_clock)

    page = names_in(operator_client.get(reverse("admin:outreach_dispatch_changelist")))

    assert "春装到店" in page
    assert sent.source not in page


@pytest.mark.parametrize("sends", [1, 5])
def test_naming_asks_as_often_for_many_rows(
    sends, operator_client, team, fixed_clock, django_assert_max_num_queries
):
    members = members_of(team)
    push = hand_out(members, fixed_clock)
    for member in members[:sends]:
        tap(target_of(push, member), fixed_clock)
    with django_assert_max_num_queries(14):
        operator_client.get(reverse("admin:outreach_dispatch_changelist"))


def test_an_operator_settles_a_send_of_unknown_outcome(operator_client, team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock)
    sent = tap(target_of(push, members_of(team)[0]), fixed_clock)
    moment = fixed_clock - timedelta(hours=1)
    Dispatch.objects.filter(pk=sent.pk).update(
        state="unknown", unknown_since=moment, call_started_at=moment
    )
    address = reverse("hq:decide_send", args=[sent.pk])
    assert address in names_in(operator_client.get(reverse("hq:unknown_sends")))

    operator_client.post(address, {"happened": "yes"})

    sent.refresh_from_db()
    assert sent.state != "unknown"
    assert AuditEntry.objects.filter(action="send.decided").exists()


def test_the_address_of_a_new_push_without_a_form_leads_to_the_choice(operator_client):
    answer = operator_client.get(reverse("hq:push_new"))

    assert (answer.status_code, answer.url) == (302, reverse("hq:push_kinds"))


def test_a_shared_campaign_keeps_its_control_group(operator_client, team, fixed_clock):
    first = make_push(members_of(team), fixed_clock, control_share_bp=2000)
    second = make_push(members_of(team), fixed_clock, campaign=first.campaign)
    with pytest.raises(CampaignShared):
        pushes.update_push(push=second, actor=SYSTEM, control_share_bp=0)
    same = pushes.update_push(push=second, actor=SYSTEM, control_share_bp=2000, title="第二波")
    assert same.title == "第二波"

    address = reverse("hq:push_step", args=[second.pk, 5])
    page = operator_client.post(address, {"share": "5"}, follow=True)

    first.campaign.refresh_from_db()
    assert first.campaign.control_share_bp == 2000
    assert "对照组" in names_in(page)


def test_the_start_page_counts_managers_apart(client, settings, team, fixed_clock, tmp_path):
    settings.DEMO, settings.DATA_DIR, settings.SIMULATOR_URL = True, tmp_path, "http://sim"
    manager = make_guide()
    Posting.objects.create(
        guide=manager, store=Posting.objects.first().store, role="store_manager",
        during=Posting.objects.first().during,
    )  # fmt: skip

    assert client.get(reverse("hq:start")).context["guides"] == 2


@pytest.mark.parametrize("by", ["guide", "user", "system"])
def test_who_wrote_a_send_stands_by_name(admin_client, team, fixed_clock, by):
    (guide, members) = team[0]
    send = tap(target_of(hand_out(members[:1], fixed_clock), members[0]), fixed_clock)
    user = User.objects.create(
        username="wang", role=Role.HQ_OPERATOR, last_name="王", first_name="敏"
    )
    label, words = {
        "guide": (f"guide:{guide.pk}", guide.name),
        "user": (f"user:{user.pk}", "王敏"),
        "system": ("system", "系统"),
    }[by]
    Dispatch.objects.filter(pk=send.pk).update(created_by=label)

    page = admin_client.get(reverse("admin:outreach_dispatch_change", args=[send.pk]))

    shown = page.context["adminform"].form.instance
    assert page.status_code == 200
    assert (shown.pk, shown.creator) == (send.pk, "" if by == "system" else words)
    text = names_in(page)
    assert words in text
    assert f"{label}<" not in text
    assert send.source not in text
    assert shown.named.name in text


def test_a_yes_on_the_record_is_a_word():
    assert detail_words({"dry": True, "again": False}) == "试对账 是 · 再次 否"


def test_the_page_of_one_entry_and_of_a_stage_version_are_called_in_words(admin_client):
    accounts.audit(actor=SYSTEM, action="api_key.revoked")
    entry = AuditEntry.objects.get(action="api_key.revoked")
    page = admin_client.get(reverse("admin:accounts_auditentry_change", args=[entry.pk]))
    assert str(page.context["original"]) == "吊销接口密钥" != entry.action

    assert str(StageVersion(pk=3)) == f"{StageVersion._meta.verbose_name} 3"
