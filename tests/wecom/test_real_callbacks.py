"""The simulator's own callbacks at our address: the same envelope, written by somebody else."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.db.models import Count

from apps.wecom import services
from apps.wecom.models import RawCallback
from tests.conftest import WECOM, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def target(simulator, live_server):
    services.ensure_demo_corp(environment=WECOM)
    with contextlib.suppress(HTTPError):  # the first request loads the pages, WeCom waits a second
        urlopen(f"{live_server.url}/wecom/callback/contacts/", timeout=60)
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


class SlowDoor(BaseHTTPRequestHandler):
    """Hands each callback on to the product and answers long after WeCom has hung up."""

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        url = self.server.product + self.path
        with urlopen(Request(url, data=body, headers={"Content-Type": "text/xml"})) as answer:
            self.server.answers.append(answer.status)
        time.sleep(self.server.late_s)
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()


def test_a_product_that_answers_too_late_keeps_one_row(simulator, live_server, target):
    """WeCom hangs up, asks three times more, and each time it is the same event."""
    door = ThreadingHTTPServer(("127.0.0.1", 0), SlowDoor)
    door.product, door.late_s, door.answers = live_server.url, 0.7, []
    threading.Thread(target=door.serve_forever, daemon=True).start()
    slow = target["url"].replace(live_server.url, f"http://127.0.0.1:{door.server_port}")
    simulator.post("/sim/callback-config", **{**target, "url": slow}, check=False)
    simulator.post("/sim/callbacks/faults", timeout_ms=500, retry_after_ms=50)

    simulator.post("/sim/customers/add-guide", userid="g1", name="陈")
    left = simulator.post("/sim/callbacks/flush", timeout_s=30)["pending"]
    wait_for(lambda: len(door.answers) == 4)
    door.shutdown()
    door.server_close()

    assert left == 0
    log = simulator.get("/sim/callbacks")["deliveries"]
    assert [row["result"] for row in log] == ["timeout"] * 4
    assert door.answers == [200] * 4
    assert changes() == {"add_external_contact": 1}
