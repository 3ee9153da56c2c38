"""我的群: a guide's own groups; a manager sees the store's; nobody another store's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.customer_groups.models import CustomerGroup
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP

pytestmark = pytest.mark.django_db


def make_group(name, owner, store, **fields):
    return CustomerGroup.objects.create(
        corp_id=CORP, chat_id=f"wr{name}", name=name, owner=owner, store=store,
        owner_userid=owner.wecom_userid, opened_at=clock.now(), customers=5, people=6, **fields,
    )  # fmt: skip


@pytest.fixture
def groups(shop):
    make_group("我的内购群", shop.guide, shop.store)
    make_group("同事的群", shop.colleague, shop.store, standing=1)
    west = make_store()
    make_group("别店的群", make_guide(west, corp=CORP), west)


def page(phone):
    return phone.get("/g/groups/").content.decode()


def test_a_guide_sees_their_own_alone(groups, phone):
    words = page(phone)
    assert "我的内购群" in words
    assert "同事的群" not in words
    assert "别店的群" not in words


def test_a_manager_sees_the_store_with_owners_who_left(groups, managers_phone, shop):
    words = page(managers_phone)
    assert "本店其他群" in words
    assert "同事的群" in words
    assert shop.colleague.name in words
    assert "群主已离职" in words
    assert "别店的群" not in words


def test_without_a_group_the_page_says_how_one_comes(phone):
    assert "还没有客户群" in page(phone)


def test_many_groups_take_no_more_questions_than_few(groups, phone, shop):
    page(phone)
    with CaptureQueriesContext(connection) as few:
        page(phone)
    for number in range(9):
        make_group(f"群{number}", shop.guide, shop.store)
    with CaptureQueriesContext(connection) as many:
        page(phone)
    assert len(many) == len(few)
