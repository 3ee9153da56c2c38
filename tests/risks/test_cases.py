"""飞单 signals: what becomes a case, what does not, and that only a person decides."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry
from apps.members import services as members
from apps.orders.models import Order
from apps.profiles.services import refresh_profiles
from apps.risks import selectors
from apps.risks.models import RiskCase, RiskRule
from apps.risks.services import ensure_rules, find_cases
from tests.factories.facts import make_guide
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import buy, deliver
from tests.guide_portal.conftest import open_shop
from tests.hq.conftest import make_user
from tests.hq.conftest import signed_in as office_client

pytestmark = pytest.mark.django_db
LEAST = 3


@pytest.fixture
def shop(fixed_clock):
    ensure_rules()
    RiskRule.objects.update(least=LEAST, days=30)
    return open_shop(fixed_clock, friends=LEAST)


def end(shop, count, *, by="guide", at=None, guide=None):
    """Friendships of a guide that ended yesterday."""
    guide = guide or shop.guide
    friends = make_friends(guide, count, since=shop.now - timedelta(days=90))
    for _member, external in friends:
        members.end_follow(
            corp_id=CORP, guide_id=guide.pk, external_userid=external,
            at=at or shop.now - timedelta(days=1), ended_by=by,
        )  # fmt: skip
    return friends


def sell(shop, guide, member):
    """An order the till credits to this guide."""
    order = buy(member, shop.store, shop.now - timedelta(hours=3), now=shop.now)
    Order.objects.filter(pk=order).update(selling_guide=guide)
    refresh_profiles(member_ids=[member.pk], now=shop.now)


def contact_all(shop):
    for target in shop.targets:
        deliver(target, shop.now)


# --- deletions -----------------------------------------------------------------------------------


def test_a_guide_who_deletes_many_becomes_a_case_and_a_second_look_makes_no_second(shop):
    friends = end(shop, LEAST)
    end(shop, LEAST - 1, guide=shop.colleague)
    end(shop, 10, by="customer", guide=shop.colleague)

    assert find_cases(now=shop.now) == 1
    assert find_cases(now=shop.now) == 0

    case = RiskCase.objects.get()
    assert (case.guide, case.store, case.signal) == (shop.guide, shop.store, "deletes")
    assert case.figures == {"customers": LEAST, "back": 0}
    seen = selectors.evidence_of(case)
    assert {one.public_id for one in seen} == {str(member.public_id) for member, _ext in friends}


def test_an_open_case_follows_its_figures_and_a_friend_come_back_is_said(shop):
    friends = end(shop, LEAST)
    find_cases(now=shop.now)
    end(shop, 2)
    member, external = friends[0]
    members.start_follows(
        rows=[members.FollowRow(CORP, shop.guide.pk, member.pk, external, shop.now)], now=shop.now
    )

    assert find_cases(now=shop.now + timedelta(minutes=1)) == 0

    assert RiskCase.objects.get().figures == {"customers": LEAST + 2, "back": 1}


def test_what_was_decided_does_not_count_again(shop):
    end(shop, LEAST)
    find_cases(now=shop.now)
    decide(RiskCase.objects.get(), "false_alarm", "开业时的测试号")
    assert find_cases(now=shop.now + timedelta(hours=1)) == 0

    end(shop, LEAST, at=shop.now + timedelta(days=1))

    assert find_cases(now=shop.now + timedelta(days=2)) == 1
    assert find_cases(now=shop.now + timedelta(days=3)) == 0  # nor while the new one is open
    newest = RiskCase.objects.latest("pk")
    assert newest.figures["customers"] == LEAST
    assert len(selectors.evidence_of(newest)) == LEAST


def test_a_rule_switched_off_finds_nothing(shop):
    end(shop, LEAST)
    RiskRule.objects.update(is_active=False)
    assert find_cases(now=shop.now) == 0


# --- contacts without a sale ---------------------------------------------------------------------


def test_many_contacts_and_no_sale_is_a_case_where_the_till_names_sellers(shop):
    contact_all(shop)
    assert find_cases(now=shop.now) == 0  # this till names nobody

    sell(shop, shop.colleague, shop.members[0])

    assert find_cases(now=shop.now) == 1
    case = RiskCase.objects.get()
    assert (case.guide, case.signal) == (shop.guide, "no_sales")
    assert case.figures == {"contacts": LEAST, "bought": 1}
    assert len(selectors.evidence_of(case)) == LEAST


def test_one_sale_of_their_own_is_no_signal(shop):
    contact_all(shop)
    sell(shop, shop.colleague, shop.members[0])
    sell(shop, shop.guide, shop.members[1])
    assert find_cases(now=shop.now) == 0


# --- the page ------------------------------------------------------------------------------------


def decide(case, what, word, client=None):
    client = client or office_client(Role.AUDITOR)
    return client.post(reverse("hq:decide_risk", args=[case.pk]), {"what": what, "word": word})


@pytest.fixture
def case(shop):
    end(shop, LEAST)
    find_cases(now=shop.now)
    return RiskCase.objects.get()


def test_an_auditor_reads_takes_up_and_closes_a_case(case, shop):
    client = office_client(Role.AUDITOR)
    listed = client.get(reverse("hq:risks")).content.decode()
    assert f"删除了 {LEAST} 位客户" in listed
    assert shop.guide.name in listed
    page = client.get(reverse("hq:risk", args=[case.pk])).content.decode()
    assert "林*雯" in page
    assert "林晓雯" not in page

    decide(case, "look", "", client)
    case.refresh_from_db()
    assert (case.state, case.taken_by.username) == ("looking", "auditor")
    assert decide(case, "confirmed", "已和店长核实，客户被加到私人微信", client).status_code == 302

    case.refresh_from_db()
    assert (case.state, case.decided_by.username) == ("confirmed", "auditor")
    assert list(
        AuditEntry.objects.filter(action__startswith="risk.").values_list("action", flat=True)
    ) == ["risk.taken", "risk.decided"]
    assert shop.guide.name not in client.get(reverse("hq:risks")).content.decode()
    assert "已和店长核实" in client.get(reverse("hq:risks"), {"decided": "yes"}).content.decode()


def test_no_outcome_without_a_word_and_what_was_typed_stays(case):
    answer = decide(case, "confirmed", "嗯")
    assert answer.status_code == 422
    assert "请用一句话写下" in answer.content.decode()
    assert ">嗯</textarea>" in answer.content.decode()
    case.refresh_from_db()
    assert case.state == "open"


def test_a_decided_case_is_not_decided_again(case):
    client = office_client(Role.AUDITOR)
    decide(case, "false_alarm", "是测试号", client)
    answer = decide(case, "confirmed", "又想了想", client)
    assert "已经有结论" in answer.content.decode()
    case.refresh_from_db()
    assert (case.state, case.word) == ("false_alarm", "是测试号")


def test_a_number_in_the_word_is_not_kept(case):
    decide(case, "false_alarm", "客户 13800138000 说是误删")
    case.refresh_from_db()
    assert "13800138000" not in case.word


def test_limits_are_changed_on_the_page_and_wrong_ones_refused(shop):
    client = office_client(Role.HQ_ADMIN)
    address = reverse("hq:change_risk_rule", args=["deletes"])
    given = {"deletes-is_active": "on", "deletes-least": "7", "deletes-days": "14"}
    assert client.post(address, given).status_code == 302
    rule = RiskRule.objects.get(signal="deletes")
    assert (rule.least, rule.days) == (7, 14)
    assert client.post(address, {**given, "deletes-days": "999"}).status_code == 422
    rule.refresh_from_db()
    assert rule.days == 14


def test_the_home_page_names_waiting_cases_to_who_may_read_them(case):
    todo = "1 条导购风险信号待核查"
    assert todo in office_client(Role.AUDITOR).get("/admin/").content.decode()
    assert todo not in office_client(Role.HQ_OPERATOR).get("/admin/").content.decode()


def test_more_cases_ask_no_more(case, shop):
    client = office_client(Role.AUDITOR)

    def asked(address):
        with CaptureQueriesContext(connection) as found:
            assert client.get(address).status_code == 200
        return len(found)

    addresses = reverse("hq:risks"), reverse("hq:risk", args=[case.pk])
    few = [asked(address) for address in addresses for _twice in range(2)][1::2]
    for _more in range(8):
        end(shop, LEAST, guide=make_guide(shop.store, corp=CORP))
    end(shop, 9)
    with CaptureQueriesContext(connection) as looked:
        find_cases(now=shop.now)
    assert RiskCase.objects.count() == 9
    assert len(looked) < 20
    assert [asked(address) for address in addresses] == few


def test_names_of_users_are_shown(case):
    case.taken_by = make_user(Role.HQ_ADMIN, "boss")
    case.state = "looking"
    case.save()
    page = office_client(Role.AUDITOR).get(reverse("hq:risk", args=[case.pk])).content.decode()
    assert "何静 正在核查" in page
