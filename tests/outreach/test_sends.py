"""From a tap to WeCom's phone and back, against the simulator."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.outreach import policy
from apps.outreach import services as outreach
from apps.outreach.models import ContactBudget, Dispatch, DispatchRecipient, TrackedLink
from apps.outreach.selectors import sent_by_others
from apps.outreach.services import handover, results
from apps.wecom_sync.services import poll_results
from tests.factories import outreach as make
from tests.factories.wecom import pauses_are_over

pytestmark = pytest.mark.django_db

ADD = "externalcontact/add_msg_template"
State, Result = Dispatch.State, DispatchRecipient.State


def send(**times):
    return outreach.send_queued(now=times.get("now") or clock.now())


def state_of(dispatch):
    dispatch.refresh_from_db()
    return dispatch.state


def receivers_of(dispatch):
    return list(dispatch.recipients.order_by("pk").values_list("state", flat=True))


def sends_in_wecom(simulator, dispatch):
    code = TrackedLink.objects.get(dispatch=dispatch).code
    return [row for row in simulator.get("/sim/sends")["sends"] if code in row["text"]]


# --- asking ---------------------------------------------------------------------------------------


def test_the_link_stands_under_the_text_and_leads_home(guide):
    dispatch = make.request_send(guide, make.make_friends(guide))

    code = TrackedLink.objects.get(dispatch=dispatch).code
    assert dispatch.text.endswith(f"\nhttp://testserver/l/{code}/")
    assert dispatch.state == State.PLANNED


def test_the_same_key_gives_the_same_send(guide):
    friends = make.make_friends(guide)

    first = make.request_send(guide, friends, idem_key="tap:1", sources=["t:1"])
    second = make.request_send(guide, friends, idem_key="tap:1", sources=["t:1"])

    assert first == second
    assert DispatchRecipient.objects.count() == 1


def test_a_source_with_an_undecided_receiver_is_not_sent_to_again(guide):
    friends = make.make_friends(guide)
    make.request_send(guide, friends, sources=["t:1"])

    with pytest.raises(outreach.AlreadySending):
        make.request_send(guide, friends, sources=["t:1"])

    assert Dispatch.objects.count() == 1


def test_too_late_too_long_and_to_nobody_are_refused(guide):
    friends, now = make.make_friends(guide), clock.now()

    with pytest.raises(outreach.SendTooLate):
        make.request_send(guide, friends, now=now, expires_at=now)
    with pytest.raises(outreach.TextTooLong):
        make.request_send(guide, friends, text="很" * 1330)
    with pytest.raises(outreach.NobodyToSendTo):
        make.request_send(guide, [])
    assert not Dispatch.objects.exists()


def test_outside_the_hours_it_is_held_and_goes_out_when_allowed(guide, simulator):
    now = clock.now()
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = make.request_send(guide, friends, not_before=now + timedelta(hours=2))

    assert dispatch.state == State.HELD
    assert send(now=now) == 0
    assert send(now=now + timedelta(hours=2)) == 1
    assert state_of(dispatch) == State.HANDED_OVER


# --- handing over ------------------------------------------------------------------------------


def test_a_send_reaches_the_phone_is_confirmed_and_delivered(guide, simulator):
    ((member, external),) = make.make_friends(guide, simulator=simulator)
    dispatch = make.request_send(guide, [(member, external)])

    assert send() == 1
    (shown,) = sends_in_wecom(simulator, dispatch)
    assert list(shown["receivers"]) == [external] or external in str(shown["receivers"])
    assert poll_results(now=clock.now() + timedelta(minutes=2)) == 0
    assert receivers_of(dispatch) == [Result.WAITING]
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=shown["msgid"])
    assert poll_results(now=clock.now() + timedelta(minutes=6)) == 1

    assert state_of(dispatch) == State.DELIVERED
    row = dispatch.recipients.get()
    assert (row.state, row.sender_userid) == (Result.DELIVERED, guide.wecom_userid)
    assert dispatch.next_poll_at is None
    assert outreach.month_use(member_id=member.pk, now=clock.now()) == 1


def test_who_asked_to_stop_after_the_tap_is_left_out_with_the_reason(guide, simulator):
    (stopped, _external), other = friends = make.make_friends(guide, 2, simulator=simulator)
    dispatch = make.request_send(guide, friends)
    members.stop_contact(member_id=stopped.pk, source="test", now=clock.now(), actor=SYSTEM)

    assert send() == 1

    row = dispatch.recipients.get(member=stopped)
    assert (row.state, row.refusal) == (Result.REFUSED, "stopped")
    assert row.reason == policy.sentence("stopped")
    (shown,) = sends_in_wecom(simulator, dispatch)
    assert "".join(str(shown["receivers"])).count("wmFriend") == 1
    assert other[1] in str(shown["receivers"])


def test_nobody_left_means_no_call_at_all(guide, simulator):
    friends = make.make_friends(guide, 2, simulator=simulator)
    dispatch = make.request_send(guide, friends)
    FollowRelation.objects.all().update(until=clock.now(), ended_by="customer")

    assert send() == 0

    assert state_of(dispatch) == State.SUPPRESSED
    assert receivers_of(dispatch) == [Result.NOT_FRIEND] * 2
    assert simulator.calls(ADD) == []


def test_service_messages_need_no_consent_marketing_does(guide, simulator):
    friends = make.make_friends(guide, 1, simulator=simulator, consent=False)
    marketing = make.request_send(guide, friends)
    service = make.request_send(guide, friends, marketing=False)

    assert send() == 1

    assert state_of(marketing) == State.SUPPRESSED
    assert state_of(service) == State.HANDED_OVER


def test_customers_wecom_cannot_reach_are_refused_one_by_one(guide, simulator):
    known = make.make_friends(guide, simulator=simulator)
    unknown_there = make.make_friends(guide)
    dispatch = make.request_send(guide, known + unknown_there)

    assert send() == 1

    assert receivers_of(dispatch) == [Result.WAITING, Result.REFUSED]
    assert state_of(dispatch) == State.HANDED_OVER
    assert ContactBudget.objects.get(member=unknown_there[0][0]).used == 0


def test_when_wecom_finds_nobody_the_send_fails_in_plain_words(guide, simulator):
    dispatch = make.request_send(guide, make.make_friends(guide))

    assert send() == 0

    assert state_of(dispatch) == State.FAILED
    assert dispatch.reason
    assert "41048" not in dispatch.reason
    assert receivers_of(dispatch) == [Result.REFUSED]


@pytest.mark.parametrize("errcode", [40014, 42001])
def test_an_expired_token_is_renewed_and_the_send_goes_out_once(guide, simulator, errcode):
    friends = make.make_friends(guide, simulator=simulator)
    simulator.post("/sim/tokens/expire", errcode=errcode)
    dispatch = make.request_send(guide, friends)

    assert send() == 1

    assert len(sends_in_wecom(simulator, dispatch)) == 1


def test_too_many_calls_puts_the_send_back_for_later(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    simulator.post("/sim/faults", path=ADD, errcode=45009, times=1)

    assert send(now=now) == 0
    assert state_of(dispatch) == State.PLANNED
    assert dispatch.call_started_at is None
    assert dispatch.not_before > now + timedelta(seconds=30)
    pauses_are_over()
    assert send(now=now + timedelta(minutes=2)) == 1
    assert len(sends_in_wecom(simulator, dispatch)) == 1
    assert outreach.month_use(member_id=friends[0][0].pk, now=now) == 1


def test_an_unreachable_wecom_is_tried_again(guide, simulator, settings):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    working = settings.WECOM_API_BASE
    settings.WECOM_API_BASE = "http://127.0.0.1:9/cgi-bin/"

    assert send(now=now) == 0
    assert state_of(dispatch) == State.PLANNED
    settings.WECOM_API_BASE = working
    assert send(now=now + timedelta(minutes=5)) == 1


def test_a_send_that_breaks_stops_nobody_elses(guide, simulator, monkeypatch):
    broken, fine = (
        make.request_send(guide, make.make_friends(guide, simulator=simulator)) for _one in "ab"
    )
    prepare, now = handover._prepare, clock.now()

    def faulty(*, dispatch_id, **rest):
        if dispatch_id == broken.pk:
            raise RuntimeError
        return prepare(dispatch_id=dispatch_id, **rest)

    monkeypatch.setattr(handover, "_prepare", faulty)
    assert send(now=now) == 1
    assert state_of(fine) == State.HANDED_OVER
    monkeypatch.undo()

    assert send(now=now + timedelta(minutes=4)) == 1
    assert len(simulator.calls(ADD)) == 2


# --- the reply that never came -----------------------------------------------------------------


def test_a_lost_reply_is_looked_up_and_found(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    simulator.post("/sim/faults", path=ADD, drop_connection=True, after_effect=True, times=1)

    assert send(now=now) == 0
    assert state_of(dispatch) == State.LEASED
    assert send(now=now + timedelta(hours=1)) == 0
    assert outreach.resolve_unknowns(now=now + timedelta(minutes=1)) == 1

    (shown,) = sends_in_wecom(simulator, dispatch)
    assert state_of(dispatch) == State.HANDED_OVER
    assert dispatch.msgid == shown["msgid"]


@pytest.mark.parametrize("fault", [{"drop_connection": True}, {"http_status": 500}])
def test_a_call_that_left_no_trace_becomes_unknown_and_is_never_repeated(guide, simulator, fault):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    simulator.post("/sim/faults", path=ADD, times=1, **fault)

    send(now=now)
    for minute in range(1, 6):
        outreach.resolve_unknowns(now=now + timedelta(minutes=minute))
        send(now=now + timedelta(minutes=minute))

    assert state_of(dispatch) == State.UNKNOWN
    assert dispatch.unknown_since is not None
    assert len(simulator.calls(ADD)) == 1


def test_a_list_that_cannot_be_read_settles_nothing(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    simulator.post("/sim/faults", path=ADD, drop_connection=True, after_effect=True, times=1)
    simulator.post(
        "/sim/faults", path="externalcontact/get_groupmsg_list_v2", errcode=41063, times=9
    )

    send(now=now)
    for minute in range(1, 7):
        outreach.resolve_unknowns(now=now + timedelta(minutes=minute))
    assert state_of(dispatch) == State.LEASED
    simulator.post("/sim/faults/clear")
    outreach.resolve_unknowns(now=now + timedelta(minutes=8))

    assert state_of(dispatch) == State.HANDED_OVER


def test_a_list_that_stays_unreadable_shows_the_send_to_a_person(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    simulator.post("/sim/faults", path=ADD, drop_connection=True, times=1)
    simulator.post(
        "/sim/faults", path="externalcontact/get_groupmsg_list_v2", errcode=41063, times=9
    )

    send(now=now)
    outreach.resolve_unknowns(now=now + timedelta(minutes=12))

    assert state_of(dispatch) == State.UNKNOWN
    assert dispatch.reason
    assert len(simulator.calls(ADD)) == 1


def make_unknown(guide, simulator, friends, *, after_effect=False):
    now = clock.now()
    dispatch = make.request_send(guide, friends, sources=["t:1"])
    simulator.post(
        "/sim/faults", path=ADD, drop_connection=True, after_effect=after_effect, times=1
    )
    send(now=now)
    Dispatch.objects.filter(pk=dispatch.pk).update(
        state=State.UNKNOWN,
        unknown_since=now,
        next_poll_at=now + timedelta(minutes=10),
        lease_until=None,
    )
    dispatch.refresh_from_db()
    return dispatch


def test_a_person_says_it_did_not_happen_and_the_source_is_free_again(guide, simulator):
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = make_unknown(guide, simulator, friends)

    outreach.decide_unknown(dispatch=dispatch, happened=False, actor=SYSTEM, now=clock.now())

    assert state_of(dispatch) == State.FAILED
    assert receivers_of(dispatch) == [Result.NOT_SENT]
    assert outreach.month_use(member_id=friends[0][0].pk, now=clock.now()) == 0
    make.request_send(guide, friends, sources=["t:1"])
    assert send() == 1
    with pytest.raises(outreach.NotUnknown):
        outreach.decide_unknown(dispatch=dispatch, happened=True, actor=SYSTEM, now=clock.now())


def test_a_person_who_errs_does_not_make_it_sent_twice(guide, simulator):
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = make_unknown(guide, simulator, friends, after_effect=True)

    outreach.decide_unknown(dispatch=dispatch, happened=False, actor=SYSTEM, now=clock.now())

    assert state_of(dispatch) == State.HANDED_OVER
    assert receivers_of(dispatch) == [Result.WAITING]


def test_nobody_frees_a_customer_while_wecoms_list_cannot_be_read(guide, simulator):
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = make_unknown(guide, simulator, friends, after_effect=True)
    simulator.post(
        "/sim/faults", path="externalcontact/get_groupmsg_list_v2", errcode=41063, times=9
    )

    with pytest.raises(outreach.ListNotReadable):
        outreach.decide_unknown(dispatch=dispatch, happened=False, actor=SYSTEM, now=clock.now())

    assert state_of(dispatch) == State.UNKNOWN
    assert receivers_of(dispatch) == [Result.WAITING]


def test_a_person_says_it_was_sent_and_nobody_writes_again(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make_unknown(guide, simulator, friends)

    outreach.decide_unknown(dispatch=dispatch, happened=True, actor=SYSTEM, now=now)

    assert state_of(dispatch) == State.SENT
    with pytest.raises(outreach.AlreadySending):
        make.request_send(guide, friends, sources=["t:1"])
    poll_results(now=now + timedelta(days=4))
    assert receivers_of(dispatch) == [Result.WAITING]
    assert state_of(dispatch) == State.SENT
    assert results.due_polls(now=now + timedelta(days=5)) == []
    with pytest.raises(outreach.AlreadySending):
        make.request_send(guide, friends, sources=["t:1"])


# --- results ------------------------------------------------------------------------------------


def test_at_the_end_the_send_is_stopped_in_wecom_and_counts_as_not_sent(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    send(now=now)

    poll_results(now=now + timedelta(days=3))

    assert state_of(dispatch) == State.EXPIRED
    assert receivers_of(dispatch) == [Result.NOT_SENT]
    assert outreach.month_use(member_id=friends[0][0].pk, now=now) == 0
    (stopped,) = simulator.calls("externalcontact/cancel_groupmsg_send")
    assert stopped["body"]["msgid"] == dispatch.msgid


def test_a_confirmation_just_before_the_end_still_counts(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    send(now=now)
    dispatch.refresh_from_db()
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=dispatch.msgid)

    poll_results(now=now + timedelta(days=3))

    assert state_of(dispatch) == State.DELIVERED


def test_lost_friends_and_full_months_are_told_apart(guide, simulator):
    (_gone, ext_gone), (full, ext_full), (_fine, ext_fine) = friends = make.make_friends(
        guide, 3, simulator=simulator
    )
    simulator.post("/sim/switches", month_cap=1)
    earlier = make.request_send(guide, [(full, ext_full)])
    send()
    earlier.refresh_from_db()
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=earlier.msgid)
    dispatch = make.request_send(guide, friends)
    send()
    dispatch.refresh_from_db()
    simulator.post(
        "/sim/follows/delete", by="customer", userid=guide.wecom_userid, external_userid=ext_gone
    )
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=dispatch.msgid)

    poll_results(now=clock.now() + timedelta(minutes=2))

    found = dict(dispatch.recipients.values_list("external_userid", "state"))
    assert found == {
        ext_gone: Result.NOT_FRIEND,
        ext_full: Result.OVER_LIMIT,
        ext_fine: Result.DELIVERED,
    }


def test_another_sender_than_the_guide_is_kept_and_flagged(guide, simulator):

    ((member, external),) = make.make_friends(guide, simulator=simulator)
    other = make.make_posted_guide(simulator=simulator)
    simulator.post("/sim/customers/add-guide", userid=other.wecom_userid, external_userid=external)
    simulator.post("/sim/switches", ignore_sender=True)
    dispatch = make.request_send(guide, [(member, external)])
    send()
    dispatch.refresh_from_db()
    simulator.post("/sim/sends/confirm", userid=other.wecom_userid, msgid=dispatch.msgid)

    poll_results(now=clock.now() + timedelta(minutes=2))

    (row,) = sent_by_others(actor=SYSTEM)
    assert (row.dispatch_id, row.sender_userid) == (dispatch.pk, other.wecom_userid)


def test_looks_come_after_1_5_15_and_60_minutes_then_daily(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends, expires_at=now + timedelta(days=3))
    send(now=now)
    dispatch.refresh_from_db()
    begun, looks = dispatch.handed_over_at, []

    while dispatch.next_poll_at and len(looks) < 8:
        looks.append((dispatch.next_poll_at - begun).total_seconds() / 60)
        poll_results(now=dispatch.next_poll_at)
        dispatch.refresh_from_db()

    assert [round(minutes) for minutes in looks] == [1, 5, 15, 60, 1500, 2940, 4320]
    assert dispatch.state == State.EXPIRED


def test_when_wecom_asks_to_slow_down_the_rest_is_asked_later(guide, simulator):
    now = clock.now()
    sends = [
        make.request_send(guide, make.make_friends(guide, simulator=simulator)) for _one in "ab"
    ]
    send(now=now)
    simulator.post("/sim/faults", path="externalcontact/get_groupmsg_task", errcode=45009, times=5)
    later = now + timedelta(minutes=2)

    poll_results(now=later)

    assert len(simulator.calls("externalcontact/get_groupmsg_task")) == 1
    assert all(Dispatch.objects.get(pk=one.pk).next_poll_at > later for one in sends)
    assert results.due_polls(now=later) == []


def test_a_send_called_off_before_wecom_has_it_never_goes_out(guide, simulator):
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = make.request_send(guide, friends)

    outreach.cancel_dispatch(dispatch=dispatch, actor=SYSTEM, now=clock.now())

    assert send() == 0
    assert state_of(dispatch) == State.SUPPRESSED
    assert receivers_of(dispatch) == [Result.NOT_SENT]


def test_a_send_called_off_later_is_stopped_in_wecom(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    send(now=now)

    outreach.cancel_dispatch(dispatch=dispatch, actor=SYSTEM, now=now)
    poll_results(now=now + timedelta(seconds=1))

    assert state_of(dispatch) == State.EXPIRED
    assert len(simulator.calls("externalcontact/cancel_groupmsg_send")) == 1


# --- leases and races ----------------------------------------------------------------------------


def test_a_worker_that_lost_its_lease_records_nothing(guide, simulator):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = make.request_send(guide, friends)
    slow, (dispatch_id,) = handover.claim_due(now=now, limit=1)
    later = now + timedelta(hours=1)
    handover.claim_due(now=later, limit=1)

    taken = handover.hand_over(dispatch_id=dispatch_id, token=slow, run=handover.Round(later))

    assert taken is False
    assert simulator.calls(ADD) == []
    assert state_of(dispatch) == State.LEASED


@pytest.mark.django_db(transaction=True)
def test_eight_workers_hand_one_send_over_once(guide, simulator):
    friends = make.make_friends(guide, simulator=simulator)
    sends = [make.request_send(guide, friends) for _one in range(3)]
    start = threading.Barrier(8)

    def work():
        start.wait()
        outreach.send_queued(now=clock.now())
        connection.close()

    threads = [threading.Thread(target=work) for _worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()

    assert [len(sends_in_wecom(simulator, dispatch)) for dispatch in sends] == [1, 1, 1]
    assert outreach.month_use(member_id=friends[0][0].pk, now=clock.now()) == 3


@pytest.mark.django_db(transaction=True)
def test_the_last_place_of_the_month_is_taken_once(guide, simulator, settings):
    settings.WECOM_MONTHLY_CAP = 1
    friends = make.make_friends(guide, 3, simulator=simulator)
    sends = [make.request_send(guide, friends if one % 2 else friends[::-1]) for one in range(6)]
    start = threading.Barrier(6)

    def work():
        start.wait()
        outreach.send_queued(now=clock.now(), limit=1)
        connection.close()

    threads = [threading.Thread(target=work) for _worker in sends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(ContactBudget.objects.values_list("used", flat=True)) == [1, 1, 1]
    waiting = DispatchRecipient.objects.filter(state=Result.WAITING)
    assert sorted(waiting.values_list("member_id", flat=True)) == sorted(m.pk for m, _e in friends)
    assert len(re.findall("wmFriend", str(simulator.calls(ADD)))) >= 3


@pytest.mark.django_db(transaction=True)
def test_two_taps_at_once_make_one_send(guide):
    friends = make.make_friends(guide)
    start, outcomes = threading.Barrier(2), []

    def tap(key):
        start.wait()
        try:
            outcomes.append(make.request_send(guide, friends, idem_key=key, sources=["t:1"]).pk)
        except outreach.AlreadySending:
            outcomes.append("already")
        connection.close()

    for keys in (("same", "same"), ("one", "two")):
        DispatchRecipient.objects.all().delete()
        outcomes.clear()
        threads = [threading.Thread(target=tap, args=[key]) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert DispatchRecipient.objects.count() == 1
        assert len(set(outcomes)) == len(set(keys))
