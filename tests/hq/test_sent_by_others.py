"""WeCom may hand a message to another member than the guide we named: the push's page says so."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.services import record_recipient_result
from tests.factories.tasks import hand_out, members_of, tap, target_of

State = DispatchRecipient.State


def sent_by(push, member, sender, now, status=State.DELIVERED):
    """A tap of the task's guide, and WeCom's word on who sent it."""
    dispatch = tap(target_of(push, member), now)
    Dispatch.objects.filter(pk=dispatch.pk).update(state=Dispatch.State.SENT)
    dispatch.refresh_from_db()
    receiver = dispatch.recipients.get()
    record_recipient_result(
        dispatch=dispatch, external_userid=receiver.external_userid, status=status, at=now,
        sender_userid=sender,
    )  # fmt: skip


def test_who_really_sent_it_is_a_figure_and_a_list_with_names(admin_client, team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock)
    (guide, (first, second, third)), (other, _theirs) = team
    sent_by(push, first, other.wecom_userid, fixed_clock)
    sent_by(push, second, guide.wecom_userid.upper(), fixed_clock)
    sent_by(push, third, "left_long_ago", fixed_clock)

    page = admin_client.get(reverse("hq:push", args=[push.pk]))
    listed = admin_client.get(reverse("hq:push_people", args=[push.pk, "by_others"]))

    assert page.context["by_others"] == 2
    assert "2 条不是由指定导购发出" in page.content.decode()
    notes = {row.card.member_id: row.note for row in listed.context["rows"]}
    assert notes == {first.pk: f"由 {other.name} 发出", third.pk: "由 left_long_ago 发出"}


def test_nothing_is_said_where_everybody_sent_their_own(admin_client, team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock)
    (guide, (first, *_rest)), _other = team
    sent_by(push, first, guide.wecom_userid, fixed_clock)

    page = admin_client.get(reverse("hq:push", args=[push.pk]))

    assert page.context["by_others"] == 0
    assert "指定导购" not in page.content.decode()


def test_what_nobody_got_was_sent_by_nobody(admin_client, team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock)
    (_guide, (first, *_rest)), (other, _theirs) = team
    sent_by(push, first, other.wecom_userid, fixed_clock, State.OVER_LIMIT)

    page = admin_client.get(reverse("hq:push", args=[push.pk]))

    assert DispatchRecipient.objects.get().by_another
    assert page.context["by_others"] == 0
    assert "指定导购" not in page.content.decode()


def test_the_list_asks_as_often_for_many_as_for_few(admin_client, team, fixed_clock):
    push = hand_out(members_of(team), fixed_clock)
    (_guide, mine), (other, _theirs) = team
    url = reverse("hq:push_people", args=[push.pk, "by_others"])

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(url).status_code == 200
        return len(queries)

    sent_by(push, mine[0], other.wecom_userid, fixed_clock)
    asked()
    few = asked()
    for member in mine[1:]:
        sent_by(push, member, other.wecom_userid, fixed_clock)
    assert asked() == few
