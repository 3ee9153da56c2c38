"""催办 with a button: the guide says 知道了 in WeCom, the task is seen, the card says so."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import GuideTask
from apps.outreach import services as outreach
from apps.outreach.models import ButtonAnswer, GuideNotice
from apps.wecom.models import CallbackEndpoint, RawCallback
from apps.wecom_sync.services import handle_callbacks
from tests.conftest import WECOM, wait_for
from tests.factories import outreach as make
from tests.factories import tasks
from tests.factories.callbacks import keep_event

pytestmark = pytest.mark.django_db

SEND, UPDATE = "message/send", "message/update_template_card"


def tell(simulator, base="http://127.0.0.1:9", **more):
    """The app has an address for callbacks."""
    simulator.post(
        "/sim/callback-config",
        url=f"{base}/wecom/callback/contacts/",
        token=WECOM["WECOM_TOKEN"],
        aes_key=WECOM["WECOM_AES_KEY"],
        **more,
    )


@pytest.fixture
def told_where(corp, simulator):
    """Nobody listens there: the tests play the door."""
    tell(simulator, check=False)


@pytest.fixture
def chased(corp, simulator):
    """Two guides of one store chased for a task that neither has seen: their two tasks."""
    now = clock.now()
    team = tasks.make_team(now, guides=2, friends=2)
    for guide, _members in team:
        make.seed(simulator, guide)
    push = tasks.hand_out(tasks.members_of(team), now)
    GuideNotice.objects.all().delete()  # the hand-out's own cards
    guide_tasks.chase(actor=SYSTEM, now=now, push=push)
    GuideNotice.objects.update(not_before=now)  # at night it would wait for the morning
    return list(GuideTask.objects.filter(push=push).select_related("guide").order_by("pk"))


def cards(simulator, guide):
    return simulator.get(f"/sim/phones/guides/{guide.wecom_userid}")["notices"]


def press(task, *, userid=None, task_id=None, code="RC_none", at=None):
    """The event as the door keeps it."""
    notice = GuideNotice.objects.get(guide=task.guide)
    keep_event(
        "template_card_event",
        fields={
            "FromUserName": userid or task.guide.wecom_userid,
            "EventKey": "ack",
            "TaskId": notice.task_id if task_id is None else task_id,
            "CardType": "button_interaction",
            "ResponseCode": code,
        },
        at=at,
    )
    return handle_callbacks(now=clock.now())


def is_known(task):
    task.refresh_from_db()
    notice = GuideNotice.objects.get(guide=task.guide)
    return task.seen_at is not None, notice.acknowledged_at is not None


@pytest.mark.usefixtures("told_where")
def test_a_chase_has_one_button_and_still_opens_the_page(chased, simulator):
    assert outreach.send_notices(now=clock.now()) == 2

    (card,) = cards(simulator, chased[0].guide)
    assert card["buttons"] == [{"text": "知道了", "key": "ack"}]
    assert card["url"].endswith("/g/sign-in/?corp=wwtest0000000001&next=%2Fg%2F")
    assert card["title"].startswith("请看一下")
    assert len(simulator.calls(SEND)) == 1  # equal cards are one call
    assert GuideNotice.objects.values("task_id").distinct().count() == 1


def test_an_app_that_wecom_cannot_tell_sends_the_plain_card(chased, simulator):
    assert outreach.send_notices(now=clock.now()) == 2

    (card,) = cards(simulator, chased[0].guide)
    assert card["msgtype"] == "textcard"
    assert set(GuideNotice.objects.values_list("task_id", "with_button")) == {("", False)}


def test_without_an_address_of_ours_no_button_is_tried(chased, simulator):
    CallbackEndpoint.objects.all().delete()

    assert outreach.send_notices(now=clock.now()) == 2
    assert len(simulator.calls(SEND)) == 1


@pytest.mark.usefixtures("told_where")
def test_a_lost_reply_is_repeated_with_the_same_id_and_shows_once(chased, simulator):
    now = clock.now()
    simulator.post("/sim/faults", path=SEND, drop_connection=True, after_effect=True, times=1)

    assert outreach.send_notices(now=now) == 0
    assert outreach.send_notices(now=now + timedelta(minutes=1)) == 2
    assert len(cards(simulator, chased[0].guide)) == 1


@pytest.mark.usefixtures("told_where")
def test_a_press_is_seen_for_that_guide_alone_and_twice_is_once(chased):
    first, second = chased
    outreach.send_notices(now=clock.now())

    at = clock.now() - timedelta(seconds=5)
    assert [press(first, code="RC_1", at=at), press(first, code="RC_2")] == [1, 1]

    assert (is_known(first), is_known(second)) == ((True, True), (False, False))
    assert first.seen_at == GuideNotice.objects.get(guide=first.guide).acknowledged_at == at
    assert ButtonAnswer.objects.get().response_code == "RC_1"


@pytest.mark.usefixtures("told_where")
@pytest.mark.parametrize("forged", [{"userid": "nobody"}, {"task_id": "notice-1"}, {"task_id": ""}])
def test_a_card_that_is_not_theirs_changes_nothing(chased, forged):
    outreach.send_notices(now=clock.now())

    press(chased[0], **forged)

    assert is_known(chased[0]) == (False, False)
    assert RawCallback.objects.get().status == RawCallback.Status.IGNORED
    assert not ButtonAnswer.objects.exists()


@pytest.mark.usefixtures("told_where")
def test_a_code_that_never_worked_is_given_up_and_a_second_press_tries_again(chased):
    outreach.send_notices(now=clock.now())
    press(chased[0], code="RC_made_up")

    assert outreach.answer_buttons(now=clock.now()) == 0
    assert ButtonAnswer.objects.get().state == ButtonAnswer.State.FAILED

    press(chased[0], code="RC_other")
    assert ButtonAnswer.objects.get().state == ButtonAnswer.State.QUEUED


@pytest.mark.usefixtures("told_where")
def test_a_code_of_four_days_ago_is_not_tried(chased, simulator):
    outreach.send_notices(now=clock.now())
    press(chased[0], code="RC_old")

    assert outreach.answer_buttons(now=clock.now() + timedelta(days=4)) == 0
    assert simulator.calls(UPDATE) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("reply_is_lost", [False, True])
def test_from_the_press_on_the_phone_to_the_word_on_the_card(
    live_server, settings, chased, simulator, reply_is_lost
):
    settings.WECOM_ENDPOINT_SECONDS = 0
    tell(simulator, live_server.url.replace("localhost", "127.0.0.1"))
    outreach.send_notices(now=clock.now())
    task = chased[0]
    (card,) = cards(simulator, task.guide)
    who = task.guide.wecom_userid
    simulator.post("/sim/cards/click", userid=who, msgid=card["msgid"], key="ack")
    simulator.post("/sim/callbacks/flush")
    wait_for(RawCallback.objects.exists)
    now = clock.now()
    handle_callbacks(now=now)
    assert is_known(task) == (True, True)

    if reply_is_lost:
        simulator.post("/sim/faults", path=UPDATE, drop_connection=True, after_effect=True, times=1)
        assert outreach.answer_buttons(now=now) == 0
    assert outreach.answer_buttons(now=now + timedelta(minutes=1)) == 1

    assert ButtonAnswer.objects.get().state == ButtonAnswer.State.SHOWN
    (card,) = cards(simulator, task.guide)
    assert card["changes"][who] == {"button": "已知道"}
