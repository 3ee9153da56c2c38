"""Two corps count their departments alike: whom one lists never lands in the other's stores."""

import pytest

from apps.core import clock
from apps.stores.models import Guide, Posting, Store
from apps.wecom.models import Corp
from apps.wecom_sync.services import handle_callbacks, sync_departments
from tests.factories.callbacks import keep_event
from tests.factories.facts import make_store

pytestmark = pytest.mark.django_db
OTHER = "wwOtherCorp00001"


def department(corp_id):
    store = make_store()
    Store.objects.filter(pk=store.pk).update(
        corp_id=corp_id, wecom_department_id=7, live_since=clock.now()
    )
    return store


@pytest.fixture
def newcomer(corp, simulator):
    """WeCom lists somebody new in department 7."""
    simulator.post(
        "/sim/seed",
        departments=[{"id": 7, "name": "静安店"}],
        users=[{"userid": "new_one", "name": "周婷", "department": [7]}],
    )


def compare(corp):
    sync_departments(corp=corp, now=clock.now())


def tell(corp):
    keep_event("change_contact", "create_user", {"UserID": "new_one"})
    handle_callbacks(now=clock.now())


@pytest.fixture(params=[compare, tell])
def bring(request, newcomer):
    """Both ways on which a newcomer comes."""
    return request.param


def test_a_newcomer_works_in_the_store_of_their_own_corp(bring, corp):
    Corp.objects.create(corp_id=OTHER, name="二号企业")
    department(OTHER)
    ours = department(corp.corp_id)
    department(OTHER)

    bring(corp)

    assert Posting.objects.get(guide__wecom_userid="new_one").store == ours


def test_where_there_are_two_corps_a_store_that_names_none_is_nobodys(bring, corp):
    Corp.objects.create(corp_id=OTHER, name="二号企业")
    department(OTHER)
    department("")

    bring(corp)

    assert not Guide.objects.filter(wecom_userid="new_one").exists()


def test_the_only_corp_has_the_stores_that_name_none(bring, corp):
    store = department("")

    bring(corp)

    assert Posting.objects.get(guide__wecom_userid="new_one").store == store


def test_the_comparison_writes_the_only_corp_down_for_the_day_a_second_one_comes(newcomer, corp):
    store = department("")
    without = make_store()

    compare(corp)

    assert Store.objects.get(pk=store.pk).corp_id == corp.corp_id
    assert Store.objects.get(pk=without.pk).corp_id == ""
