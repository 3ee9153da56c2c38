"""The simulator's own callbacks at our address: the same envelope, written by somebody else."""

import pytest
from django.db.models import Count

from apps.wecom import services
from apps.wecom.models import RawCallback
from tests.conftest import WECOM, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def target(simulator, live_server):
    services.ensure_demo_corp(environment=WECOM)
    simulator.post(
        "/sim/seed",
        departments=[{"id": 1, "name": "总部", "parentid": 0, "order": 1}],
        users=[{"userid": "g1", "name": "林", "department": [1], "position": "", "status": 1}],
        customers=[],
    )
    yield {
        "url": f"{live_server.url}/wecom/callback/contacts/",
        "token": WECOM["WECOM_TOKEN"],
        "aes_key": WECOM["WECOM_AES_KEY"],
    }
    simulator.post("/sim/reset")


def changes():
    rows = RawCallback.objects.values_list("change_type").annotate(times=Count("pk"))
    return dict(rows)


def test_saving_the_address_passes_wecom_s_own_check(simulator, target):
    assert simulator.post("/sim/callback-config", **target)["ok"]


def test_a_new_friend_and_a_lost_one_arrive(simulator, target):
    simulator.post("/sim/callback-config", **target)

    who = simulator.post("/sim/customers/add-guide", userid="g1", name="陈")["external_userid"]
    simulator.post("/sim/follows/delete", by="customer", userid="g1", external_userid=who)

    wait_for(lambda: changes() == {"add_external_contact": 1, "del_follow_user": 1})
    added = RawCallback.objects.get(change_type="add_external_contact")
    assert (added.fields["UserID"], added.fields["ExternalUserID"]) == ("g1", who)
    assert "陈" not in str(added.fields)
    assert added.fields["ToUserName"] == WECOM["WECOM_CORP_ID"]


def test_doubled_and_shuffled_deliveries_are_one_row_each(simulator, target):
    simulator.post("/sim/callback-config", **target)
    simulator.post("/sim/callbacks/faults", duplicate=6, reorder=4)

    for number in range(6):
        simulator.post("/sim/customers/add-guide", userid="g1", name=f"客{number}")
    simulator.post("/sim/callbacks/flush")

    wait_for(lambda: changes() == {"add_external_contact": 6})
    assert RawCallback.objects.values("fields__ExternalUserID").distinct().count() == 6
