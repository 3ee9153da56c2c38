"""企微 › 客户群: the lists at two sizes, the forms, and what each role may do."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import (
    CustomerGroup,
    GroupCode,
    GroupMembership,
    GroupSend,
    GroupWelcome,
)
from tests.factories import corps
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, connect_corp

pytestmark = pytest.mark.django_db


@pytest.fixture
def hq(client, django_user_model):
    user = django_user_model.objects.create_user(
        username="hq-groups", password="x", role="hq_operator", is_staff=True
    )
    client.force_login(user)
    return client


def make_groups(count, start=0):
    now, found = clock.now(), []
    for number in range(start, start + count):
        guide = make_guide(make_store(), corp=CORP)
        group = CustomerGroup.objects.create(
            corp_id=CORP,
            chat_id=f"wrList{number}",
            name=f"会员群{number}",
            owner=guide,
            owner_userid=guide.wecom_userid,
            opened_at=now,
            customers=3,
            people=4,
        )
        GroupMembership.objects.create(
            group=group, wecom_id="wmA", is_customer=True, joined_at=now - timedelta(days=1)
        )
        GroupMembership.objects.create(
            group=group,
            wecom_id="wmB",
            is_customer=True,
            joined_at=now - timedelta(days=30),
            left_at=now - timedelta(days=2),
        )
        found.append(group)
    return found


@pytest.mark.parametrize("name", ["hq:groups", "hq:group_codes", "hq:group_welcomes"])
def test_a_list_asks_as_often_for_many_as_for_few(hq, name, django_assert_num_queries):
    def fill(start, count):
        groups = make_groups(count, start)
        for place, group in enumerate(groups):
            code = GroupCode.objects.create(
                client_id=uuid4(), corp_id=CORP, name=f"码{place}", not_before=clock.now()
            )
            code.groups.add(group)
            GroupWelcome.objects.create(
                client_id=uuid4(), corp_id=CORP, name="语", text="欢迎", not_before=clock.now()
            )

    fill(0, 2)
    address = reverse(name)
    hq.get(address)
    with CaptureQueriesContext(connection) as few:
        hq.get(address)
    fill(2, 12)
    with django_assert_num_queries(len(few.captured_queries)):
        assert hq.get(address).status_code == 200


def test_the_list_tells_size_and_the_last_seven_days(hq):
    make_groups(2)
    page = hq.get(reverse("hq:groups")).content.decode()
    assert "会员群0" in page
    assert "2 个群" in page
    assert "入群 2 人，退群 2 人" in page


def test_words_and_dissolved_narrow_the_list(hq):
    first, second = make_groups(2)
    CustomerGroup.objects.filter(pk=second.pk).update(dismissed_at=clock.now())
    shown = hq.get(reverse("hq:groups"), {"q": first.name}).content.decode()
    assert first.name in shown
    gone = hq.get(reverse("hq:groups"), {"dissolved": "1"}).content.decode()
    assert second.name in gone
    assert first.name not in gone


def test_a_group_shows_its_weeks_and_comings_and_goings(hq):
    (group,) = make_groups(1)
    page = hq.get(reverse("hq:group", args=[group.pk])).content.decode()
    assert "每周入群与退群" in page
    assert "被移出" not in page


def test_a_group_says_how_much_it_may_still_get_and_why_nothing(hq, settings):
    settings.WECOM_CAP_RULE = "month"
    settings.WECOM_MONTHLY_CAP = 4
    (group,) = make_groups(1)
    address = reverse("hq:group", args=[group.pk])
    page = hq.get(address).content.decode()
    assert "本月最多还可收 4 次群发" in page
    assert "群发次数已达企微上限" not in page

    now = clock.now()
    GroupSend.objects.create(
        source="task_push:1", guide=group.owner, corp_id=CORP, text="新款", state="closed",
        chat_ids=[group.chat_id], over_limit_chat_ids=[group.chat_id], confirmed_at=now,
        not_before=now, closes_at=now,
    )  # fmt: skip
    page = hq.get(address).content.decode()
    assert "本月最多还可收 0 次群发" in page
    assert "群发次数已达企微上限" in page


def test_a_code_is_asked_for_once_and_taken_back(hq):
    (group,) = make_groups(1)
    body = {"client_id": str(uuid4()), "name": "门口海报", "new_groups": "on", "group": group.pk}
    for _time in range(2):
        hq.post(reverse("hq:group_code_new"), body)
    code = GroupCode.objects.get()
    assert list(code.groups.all()) == [group]
    assert code.created_by.startswith("user:")
    GroupCode.objects.update(state="made", wecom_id="c1")
    hq.post(reverse("hq:group_code_act", args=[code.pk]), {"what": "take_back"})
    code.refresh_from_db()
    assert code.state == "removing"


def test_a_code_without_groups_is_refused_in_words(hq):
    body = {"client_id": str(uuid4()), "name": "门口海报"}
    answer = hq.post(reverse("hq:group_code_new"), body)
    assert answer.status_code == 400
    assert "请选 1 到 5 个同一企业" in answer.content.decode()


def test_a_welcome_too_long_for_wecom_is_refused_in_words(hq):
    connect_corp()
    body = {"client_id": str(uuid4()), "name": "欢迎", "text": "好" * 1001}
    answer = hq.post(reverse("hq:group_welcome_new"), body)
    assert answer.status_code == 400
    assert "1000 个汉字" in answer.content.decode()
    hq.post(reverse("hq:group_welcome_new"), {**body, "text": "欢迎入群"})
    assert GroupWelcome.objects.get().corp_id == CORP


def test_where_one_corp_is_connected_nobody_is_asked_whose_the_welcome_is(hq):
    connect_corp()

    assert "哪个企业的群用" not in hq.get(reverse("hq:group_welcomes")).content.decode()


def test_a_welcome_goes_to_the_library_of_the_corp_that_was_chosen(hq, simulator):
    connect_corp()
    corps.connect_second(simulator)
    body = {"client_id": str(uuid4()), "name": "二号欢迎", "text": "欢迎入群"}
    unsaid = hq.post(reverse("hq:group_welcome_new"), body)
    assert (unsaid.status_code, GroupWelcome.objects.count()) == (400, 0)
    assert "哪个企业的群用" in unsaid.content.decode()

    hq.post(reverse("hq:group_welcome_new"), {**body, "corp": corps.CORP})
    services.hand_over_outside(now=clock.now())

    welcome = GroupWelcome.objects.get()
    assert (welcome.corp_id, welcome.state) == (corps.CORP, "made")
    changed = {"what": "change", "text": "欢迎来到二号"}
    hq.post(reverse("hq:group_welcome_act", args=[welcome.pk]), changed)
    services.hand_over_outside(now=clock.now())
    assert GroupWelcome.objects.get().state == "made"  # the first corp knows no such id
    assert "二号企业" in hq.get(reverse("hq:group_welcomes")).content.decode()
