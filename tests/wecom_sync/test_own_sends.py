"""Mass sends that guides made in WeCom by themselves: WeCom's limit counts them, so we do."""

from datetime import UTC, datetime, timedelta
from inspect import signature
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.hq.beat_schedule import BY_JOB
from apps.members import services as members
from apps.members.models import FollowRelation, FollowUp, Interaction, Member
from apps.outreach import ledger, policy
from apps.outreach import services as outreach
from apps.outreach.models import ContactBudget, Dispatch, DispatchRecipient, GuideSend
from apps.outreach.services.asking import time_to_read_own
from apps.outreach.services.polling import OWN_BEAT_SECONDS, OWN_SENDS_PER_BEAT
from apps.wecom.client.limits import limits_of
from apps.wecom.shapes.mass_sends import SendResult, SendStatus
from apps.wecom_sync.services import poll_results, read_guide_sends
from tests.factories.outreach import CORP, make_friends, make_posted_guide, request_send

pytestmark = pytest.mark.django_db

TASK = "externalcontact/get_groupmsg_task"
RESULT = "externalcontact/get_groupmsg_send_result"
NOON = datetime(2026, 10, 31, 4, tzinfo=UTC)


def later(**span):
    return clock.now() + timedelta(**span)


def send_alone(simulator, guide, friends, *, confirmed=True):
    """From the guide's phone into WeCom's own helper."""
    params = {
        "text": {"content": "今晚八点直播"},
        "externalUserIds": [external for _member, external in friends],
    }
    body = {"userid": guide.wecom_userid, "name": "shareToExternalContact", "params": params}
    simulator.post("/sim/jssdk/call", **body)
    msgid = simulator.get(f"/sim/sends?userid={guide.wecom_userid}")["sends"][-1]["msgid"]
    if confirmed:
        simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=msgid)
    return msgid


def used(member, at=None):
    return outreach.month_use(member_id=member.pk, now=at or clock.now())


def refusal(guide, member):
    return policy.check_one(member_id=member.pk, guide_id=guide.pk, now=clock.now(), marketing=True)


def test_what_a_guide_sent_alone_takes_a_place_and_proves_nothing(guide, simulator, settings):
    settings.WECOM_CAP_RULE = "day"
    (member, external), (other, _external) = make_friends(guide, 2, simulator=simulator)
    assert refusal(guide, member) is None
    send_alone(simulator, guide, [(member, external)])

    assert read_guide_sends(now=later(seconds=2)) == 1

    assert used(member) == 1
    assert refusal(guide, member) == policy.Refusal.BUDGET
    assert (used(other), refusal(guide, other)) == (0, None)
    assert not DispatchRecipient.objects.exists()


def test_it_is_counted_once_however_often_it_is_read(guide, simulator):
    friends = make_friends(guide, 3, simulator=simulator)
    send_alone(simulator, guide, friends)

    assert read_guide_sends(now=later(seconds=2)) == 1
    for hours in (1, 24, 80):
        assert read_guide_sends(now=later(hours=hours)) == 0
    GuideSend.objects.update(due_at=clock.now())  # a worker that read it at the same moment
    assert read_guide_sends(now=later(seconds=3)) == 0

    assert list(ContactBudget.objects.values_list("used", flat=True)) == [1, 1, 1]


def test_it_is_asked_about_until_it_is_confirmed(guide, simulator):
    ((member, external),) = make_friends(guide, simulator=simulator)
    msgid = send_alone(simulator, guide, [(member, external)], confirmed=False)

    assert read_guide_sends(now=later(seconds=2)) == 0
    assert simulator.calls(RESULT) == []  # WeCom wants to be asked of who has confirmed
    assert used(member) == 0

    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=msgid)
    assert read_guide_sends(now=later(minutes=11)) == 1
    assert used(member) == 1


def test_what_is_never_confirmed_is_let_go_after_three_days(guide, simulator):
    send_alone(simulator, guide, make_friends(guide, simulator=simulator), confirmed=False)

    for span in ({"seconds": 2}, {"minutes": 11}, {"minutes": 61}, {"hours": 25}, {"hours": 73}):
        assert read_guide_sends(now=later(**span)) == 0

    assert len(simulator.calls(TASK)) == 5
    assert GuideSend.objects.get().due_at is None


def test_whom_wecom_gives_no_more_is_full(guide, simulator):
    ((member, external),) = make_friends(guide, simulator=simulator)
    simulator.post("/sim/switches", month_cap=0)  # others filled it up before
    send_alone(simulator, guide, [(member, external)])

    assert read_guide_sends(now=later(seconds=2)) == 1

    assert used(member) == policy.monthly_cap(clock.now())
    assert refusal(guide, member) == policy.Refusal.BUDGET


def test_what_went_through_us_is_not_counted_a_second_time(guide, simulator):
    ((member, external),) = make_friends(guide, simulator=simulator)
    request_send(guide, [(member, external)])
    outreach.send_queued(now=later(seconds=1))
    msgid = Dispatch.objects.get().msgid
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=msgid)
    poll_results(now=later(minutes=2))

    assert read_guide_sends(now=later(minutes=3)) == 0

    assert not GuideSend.objects.exists()
    assert used(member) == 1


def test_a_corp_that_wants_no_call_is_read_another_time(guide, simulator):
    ((member, external),) = make_friends(guide, simulator=simulator)
    send_alone(simulator, guide, [(member, external)])
    simulator.post("/sim/faults", path=RESULT, errcode=45009, times=1)

    assert read_guide_sends(now=later(seconds=2)) == 0
    assert GuideSend.objects.get().due_at < later(seconds=3)
    assert used(member) == 0


@pytest.mark.parametrize("path", [TASK, RESULT])
def test_a_refusal_is_not_the_last_word(guide, simulator, path):
    ((member, external),) = make_friends(guide, simulator=simulator)
    send_alone(simulator, guide, [(member, external)])
    simulator.post("/sim/faults", path=path, errcode=41047, times=1)

    assert read_guide_sends(now=later(seconds=2)) == 0
    assert read_guide_sends(now=later(minutes=11)) == 1
    assert used(member) == 1


# --- what WeCom's results say ----------------------------------------------------------------


def own_send(guide, at=NOON):
    return GuideSend.objects.create(
        corp_id=CORP, msgid=f"m{GuideSend.objects.count()}", guide=guide, made_at=at, due_at=at
    )


def note(send, results, *, now, confirmed_at=NOON):
    return outreach.note_guide_send(send=send, confirmed_at=confirmed_at, results=results, now=now)


def result(guide, friend, status=SendStatus.SENT, at=NOON):
    return SendResult(friend[1], guide.wecom_userid, status, at)


def test_while_wecom_is_handing_out_the_count_waits_an_hour_at_most(guide):
    first, second = make_friends(guide, 2)
    send = own_send(guide)
    half = [result(guide, first), result(guide, second, SendStatus.NOT_YET, None)]

    assert note(send, half, now=NOON + timedelta(minutes=1)) is False
    assert ContactBudget.objects.count() == 0
    send.refresh_from_db()
    assert send.due_at == NOON + timedelta(minutes=11)

    assert note(send, half, now=NOON + timedelta(minutes=61)) is True
    assert (used(first[0], NOON), used(second[0], NOON)) == (1, 0)
    assert Interaction.objects.get().member_id == first[0].pk


def test_one_confirmed_at_its_last_look_has_its_hour_too(guide):
    first, second = make_friends(guide, 2)
    confirmed = NOON + timedelta(days=3)
    send = own_send(guide)
    half = [result(guide, first), result(guide, second, SendStatus.NOT_YET, None)]
    whole = [result(guide, first), result(guide, second)]

    assert note(send, half, now=confirmed + timedelta(minutes=1), confirmed_at=confirmed) is False
    assert note(send, whole, now=confirmed + timedelta(minutes=12), confirmed_at=confirmed) is True

    assert (used(first[0], NOON), used(second[0], NOON)) == (1, 1)


def test_it_counts_in_the_period_it_was_sent_in(guide, settings):
    settings.WECOM_CAP_RULE = "month"
    before, after = make_friends(guide, 2)
    midnight = datetime(2026, 10, 31, 16, tzinfo=UTC)  # of the chain's days
    results = [
        result(guide, before, at=midnight - timedelta(seconds=1)),
        result(guide, after, at=midnight),
    ]

    note(own_send(guide), results, now=midnight + timedelta(hours=1))

    months = ContactBudget.objects.values_list("member_id", "month__month")
    assert sorted(months) == sorted([(before[0].pk, 10), (after[0].pk, 11)])


def test_full_in_a_period_that_is_over_fills_no_later_one(guide, settings):
    settings.WECOM_CAP_RULE = "day"
    (friend,) = make_friends(guide)
    told = [result(guide, friend, SendStatus.OVER_LIMIT)]

    assert note(own_send(guide), told, now=NOON + timedelta(days=1)) is True

    assert ContactBudget.objects.count() == 0


def test_who_was_merged_counts_as_one_person_and_strangers_count_nowhere(guide):
    first, second = make_friends(guide, 2)
    Member.objects.filter(pk=second[0].pk).update(survivor_id=first[0].pk)
    stranger = (None, "wmNobodyHere")

    note(
        own_send(guide),
        [result(guide, one) for one in (first, second, stranger)],
        now=NOON + timedelta(minutes=1),
    )

    assert list(ContactBudget.objects.values_list("member_id", "used")) == [(first[0].pk, 1)]


def test_many_receivers_cost_as_much_as_few(guide):
    def queries(count):
        friends = make_friends(guide, count)
        send = own_send(guide)
        with CaptureQueriesContext(connection) as asked:
            note(send, [result(guide, one) for one in friends], now=NOON + timedelta(minutes=1))
        return len(asked)

    assert queries(20) == queries(2) <= 8


# --- a contact, as any other -----------------------------------------------------------------


@pytest.fixture
def colleague(corp, simulator):
    return make_posted_guide(simulator=simulator)


def befriend(member, guide):
    FollowRelation.objects.create(
        member=member, guide=guide, corp_id=CORP, since=NOON - timedelta(days=9),
        external_userid=f"wmOther{member.pk}",
    )  # fmt: skip


def by_colleague(member, guide, now):
    found = ledger.by_colleagues(member_ids=[member.pk], guide_id=guide.pk, now=now)
    return found.get(member.pk)


def reach(member, guide, now, **asked):
    serving = f"SELECT {member.pk} AS member_id, {guide.pk} AS guide_id, NULL::bigint AS store_id"
    sql, params = policy.reach_select(
        members_sql="SELECT %s::bigint",
        members_params=[member.pk],
        now=now,
        marketing=True,
        serving=serving,
        **asked,
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT refusal FROM ({sql}) AS reach", params)
        return cursor.fetchall()


def test_whom_a_guide_wrote_to_alone_a_colleague_leaves_alone_for_a_day(guide, colleague):
    got, full = make_friends(guide, 2)
    for member, _external in (got, full):
        befriend(member, colleague)
    told = [result(guide, got), result(guide, full, SendStatus.OVER_LIMIT)]
    note(own_send(guide), told, now=NOON + timedelta(minutes=20))
    soon, next_day = NOON + timedelta(hours=23), NOON + timedelta(hours=25)

    contact = by_colleague(got[0], colleague, soon)

    assert (contact.guide_id, contact.at, contact.reached) == (guide.pk, NOON, True)
    ask = {"member_id": got[0].pk, "guide_id": colleague.pk, "marketing": True}
    assert policy.check_one(now=soon, **ask) == policy.Refusal.COLLEAGUE
    assert policy.check_one(now=next_day, **ask) is None
    assert by_colleague(got[0], guide, soon) is None
    assert by_colleague(full[0], colleague, soon) is None


def test_a_hand_out_knows_of_it_as_a_set_too(guide, colleague):
    (friend,) = make_friends(guide)
    befriend(friend[0], colleague)
    soon = NOON + timedelta(hours=2)
    ask = {"recent_days": None}
    assert reach(friend[0], colleague, soon, **ask) == [("",)]

    note(own_send(guide), [result(guide, friend)], now=NOON + timedelta(minutes=20))

    assert reach(friend[0], colleague, soon, **ask) == [("colleague",)]
    assert reach(friend[0], guide, soon, **ask) == [("",)]
    assert reach(friend[0], guide, soon, recent_days=3) == [("recently_contacted",)]
    assert reach(friend[0], guide, NOON + timedelta(days=4), recent_days=3) == [("",)]


def test_it_is_one_contact_however_often_it_is_told_and_answers_no_date(guide):
    (friend,) = make_friends(guide)
    members.set_follow_up(
        member_id=friend[0].pk,
        guide_id=guide.pk,
        due_on=NOON.date(),
        client_id=uuid4(),
        now=NOON - timedelta(days=1),
    )
    send = own_send(guide)
    for _twice in range(2):
        note(send, [result(guide, friend)], now=NOON + timedelta(minutes=20))
        GuideSend.objects.update(sent_at=None)

    (contact,) = Interaction.objects.all()

    assert (contact.kind, contact.guide_id, contact.occurred_at) == ("message", guide.pk, NOON)
    assert friend[0].pk in FollowUp.objects.filter(closed_at=None).values_list(
        "member_id", flat=True
    )


# --- the pace --------------------------------------------------------------------------------


def test_forty_thousand_are_read_within_the_hour_on_half_of_what_wecom_allows(settings):
    settings.WECOM_LIMIT_PERCENT = 100
    assert time_to_read_own(sends=40_000) == timedelta(minutes=50)
    assert time_to_read_own(sends=1) == timedelta(minutes=20)
    runs_an_hour = 3600 // OWN_BEAT_SECONDS
    (per_hour,) = (limit.most for limit in limits_of(RESULT) if limit.seconds == 3600)
    assert runs_an_hour * OWN_SENDS_PER_BEAT == per_hour // 2
    assert BY_JOB["wecom_sync.read_guide_sends"].every == OWN_BEAT_SECONDS
    assert signature(read_guide_sends).parameters["limit"].default == OWN_SENDS_PER_BEAT


def test_a_run_reads_as_many_as_it_may_and_the_next_one_the_others(guide, simulator):
    for friend in make_friends(guide, 7, simulator=simulator):
        send_alone(simulator, guide, [friend])

    assert read_guide_sends(now=later(seconds=2), limit=5) == 5
    assert read_guide_sends(now=later(seconds=3), limit=5) == 2
    assert sorted(ContactBudget.objects.values_list("used", flat=True)) == [1] * 7


def test_old_ones_are_forgotten(guide):
    keep = own_send(guide, at=NOON)
    own_send(guide, at=NOON - timedelta(days=40))

    assert outreach.forget_own_sends(GuideSend, now=NOON + timedelta(days=1)) == 1
    assert GuideSend.objects.get() == keep
