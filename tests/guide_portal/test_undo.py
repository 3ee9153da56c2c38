"""A note or a visit taken back by who wrote it down: at once, once, and nothing of it counts."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import translation

from apps.core import clock, pii
from apps.guide_portal import arrivals, receipts
from apps.guide_portal.models import ActionReceipt
from apps.guide_portal.undoing import CameAsBooked, undo_act
from apps.guide_tasks.models import Evidence, TaskTarget
from apps.members.models import FollowUp, Interaction, MemberNote
from apps.members.selectors import notes_of
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from apps.timeline.models import Kind, MemberEvent
from apps.timeline.selectors import timeline_page
from tests.factories.appointments import make_appointment
from tests.guide_portal.conftest import open_shop, signed_in
from tests.guide_portal.test_phone import act as phone_act
from tests.guide_portal.test_phone import answers, bring


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def kinds_of(member):
    events = MemberEvent.objects.filter(member_id=member.pk, kind__contains="note")
    return sorted(events.values_list("kind", flat=True))


def grow_old():
    ActionReceipt.objects.update(created_at=Now() - timedelta(minutes=11))


def card(phone, member):
    return phone.get(at("customer", member.public_id)).content.decode()


def test_a_note_is_taken_back_with_its_words_and_the_story_keeps_both_taps(shop, phone, act):
    member, fields = shop.members[0], act(body="要深棕色")
    page = phone.post(at("note", member.public_id), fields, follow=True).content.decode()
    undo = at("undo_act", fields["client_id"])
    assert page.count(undo) == 2  # beside the word that it is noted, and beside the note

    for _tap in range(2):
        assert phone.post(undo, act()).status_code == 302

    note = MemberNote.objects.get()
    assert pii.decrypt(bytes(note.body_enc)) == ""
    assert note.withdrawn_at is not None
    assert notes_of(member_id=member.pk) == []
    assert "要深棕色" not in card(phone, member)
    assert kinds_of(member) == ["note.added", "note.taken_back"]
    assert not Interaction.objects.filter(kind="note").exists()


def test_a_visit_taken_back_counts_nowhere_and_its_follow_up_stands_again(shop, phone, act):
    member, fields = shop.members[0], act()
    phone.post(at("follow_up", member.public_id), act(due_on=shop.now.date().isoformat()))
    phone.post(at("visit", member.public_id), fields)
    assert TaskTarget.objects.get(pk=shop.targets[0].pk).visited_at is not None
    assert not FollowUp.objects.standing().exists()
    undo = at("undo_act", fields["client_id"])
    assert undo in card(phone, member)

    phone.post(undo, act())
    phone.post(at("visit", member.public_id), fields)  # the same tap, come late

    assert not Interaction.objects.filter(kind="visit").exists()
    assert not Evidence.objects.filter(outcome="visited").exists()
    assert TaskTarget.objects.get(pk=shop.targets[0].pk).visited_at is None
    assert FollowUp.objects.standing().exists()
    story = MemberEvent.objects.filter(member_id=member.pk, kind__startswith="visit.")
    assert sorted(story.values_list("kind", flat=True)) == ["visit.noted", "visit.taken_back"]


def test_an_earlier_visit_still_counts_when_the_later_one_is_taken_back(shop, phone, act):
    member, second = shop.members[0], act()
    phone.post(at("visit", member.public_id), act())
    first_at = TaskTarget.objects.get(pk=shop.targets[0].pk).visited_at
    phone.post(at("visit", member.public_id), second)

    phone.post(at("undo_act", second["client_id"]), act())

    assert Interaction.objects.filter(kind="visit").count() == 1
    assert TaskTarget.objects.get(pk=shop.targets[0].pk).visited_at == first_at


def test_what_a_phone_brought_late_can_be_taken_back_from_then_on(shop, phone, act):
    member, client_id = shop.members[0], uuid.uuid4()
    old = phone_act(
        "note", shop.now, ago=7200, client_id=client_id, customer=member.public_id, body="错人了"
    )
    answers(bring(phone, [old], now=shop.now))

    phone.post(at("undo_act", client_id), act())
    (again,) = answers(bring(phone, [old], now=shop.now))

    assert again["state"] == "done"
    assert notes_of(member_id=member.pk) == []
    assert MemberNote.objects.count() == 1


def test_after_some_minutes_it_stays_and_the_page_says_what_to_do(shop, phone, act):
    member, fields = shop.members[0], act(body="要深棕色")
    phone.post(at("note", member.public_id), fields, follow=True)  # the word with its undo is read
    grow_old()

    undo = at("undo_act", fields["client_id"])
    assert undo not in card(phone, member)
    page = phone.post(undo, act(), follow=True).content.decode()

    assert "已经超过 10 分钟" in page
    assert [note.body for note in notes_of(member_id=member.pk)] == ["要深棕色"]


def test_only_who_wrote_it_takes_it_back(shop, phone, act):
    member, fields = shop.members[0], act(body="要深棕色")
    phone.post(at("note", member.public_id), fields)

    for other in (shop.colleague, shop.manager):
        response = signed_in(other).post(at("undo_act", fields["client_id"]), act())
        assert response.status_code == 404

    assert MemberNote.objects.standing().count() == 1


def test_who_came_as_booked_stays(shop, phone, act):
    member, fields = shop.members[0], act()
    row = make_appointment(member, shop.guide, shop.now)
    with clock.at(row.starts_at):
        phone.post(at("visit", member.public_id), fields)
        phone.post(at("keep_appointment", row.pk), act())
        page = phone.post(at("undo_act", fields["client_id"]), act(), follow=True)

    assert "按预约到店" in page.content.decode()
    assert Interaction.objects.filter(kind="visit").count() == 1


def test_a_tap_after_who_came_as_booked_has_nothing_to_take_back(shop, phone, act):
    member, fields = shop.members[0], act()
    row = make_appointment(member, shop.guide, shop.now)
    with clock.at(row.starts_at):
        phone.post(at("keep_appointment", row.pk), act())
        phone.post(at("visit", member.public_id), fields)
        page = phone.post(at("undo_act", fields["client_id"]), act(), follow=True)

    assert "没有可撤销的" in page.content.decode()
    assert "已撤销" not in page.content.decode()
    assert Interaction.objects.filter(kind="visit").count() == 1


def test_a_visit_brought_late_is_taken_back_from_the_card_whatever_its_day(shop, phone, act):
    member, client_id = shop.members[0], uuid.uuid4()
    noted_at = shop.now - timedelta(days=1)
    old = phone_act("visit", shop.now, ago=86_400, client_id=client_id, customer=member.public_id)
    answers(bring(phone, [old], now=shop.now))

    page, undo = card(phone, member), at("undo_act", client_id)
    day = clock.business_day(noted_at)
    assert undo in page
    assert f"你记了 TA 到店（{day.month}月{day.day}日" in page
    assert at("visit_reason", member.public_id) not in page  # TA is not here today

    phone.post(undo, act())
    assert not Interaction.objects.filter(kind="visit").exists()


def test_the_date_stays_closed_when_ta_was_turned_to_otherwise_since(shop, phone, act):
    member, first = shop.members[0], act()
    phone.post(at("follow_up", member.public_id), act(due_on=shop.now.date().isoformat()))
    phone.post(at("visit", member.public_id), first)
    with clock.at(shop.now + timedelta(minutes=2)):
        phone.post(at("visit", member.public_id), act())

    phone.post(at("undo_act", first["client_id"]), act())

    assert Interaction.objects.filter(kind="visit").count() == 1
    assert not FollowUp.objects.standing().exists()


def test_the_same_tap_after_its_undo_says_that_nothing_was_written(shop, phone, act):
    member = shop.members[0]
    for name, fields, word in (
        ("note", act(body="要深棕色"), "已记下"),
        ("visit", act(), "已记到店"),
    ):
        undo = at("undo_act", fields["client_id"])
        page = phone.post(at(name, member.public_id), fields, follow=True).content.decode()
        assert word in page
        again = phone.post(at(name, member.public_id), fields, follow=True).content.decode()
        assert word in again  # it stands

        phone.post(undo, act(), follow=True)
        late = phone.post(at(name, member.public_id), fields, follow=True).content.decode()

        assert "这条你已经撤销了" in late
        assert word not in late
        assert undo not in late


def test_what_the_queue_was_refused_may_be_tried_by_hand(shop, phone, act):
    member, fields = shop.members[0], act(body="要深棕色")
    ActionReceipt.objects.create(
        guide=shop.guide, client_id=fields["client_id"], kind="note",
        outcome=ActionReceipt.Outcome.REFUSED, code="x", reason="不行",
    )  # fmt: skip

    for _tap in range(2):
        page = phone.post(at("note", member.public_id), fields, follow=True).content.decode()
        assert "已记下" in page

    assert [note.body for note in notes_of(member_id=member.pk)] == ["要深棕色"]
    receipt = ActionReceipt.objects.get(client_id=fields["client_id"])
    assert (receipt.outcome, receipt.reason) == ("done", "")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_undo_waits_for_who_writes_down_that_ta_came_as_booked(fixed_clock):
    shop = open_shop(fixed_clock)
    member, client_id = shop.members[0], uuid.uuid4()
    row = make_appointment(member, shop.guide, shop.now)
    actor = actor_for(user=user_of_guide(guide=shop.guide), now=row.starts_at)
    kept, over, said = threading.Event(), threading.Event(), []

    def keep():
        try:
            with clock.at(row.starts_at), transaction.atomic():
                arrivals.keep_appointment(appointment_id=row.pk, actor=actor, now=row.starts_at)
                kept.set()
                over.wait(1)  # not committed yet: whoever does not wait takes the visit away
        finally:
            connection.close()

    def undo():
        try:
            kept.wait(5)
            undo_act(guide_id=shop.guide.pk, client_id=client_id, actor=actor, now=row.starts_at)
        except CameAsBooked as error:
            said.append(error.code)
        finally:
            over.set()
            connection.close()

    with clock.at(row.starts_at):
        receipts.once(
            guide_id=shop.guide.pk,
            client_id=client_id,
            kind="visit",
            act=lambda: arrivals.note_visit(
                member_id=member.pk, guide_id=shop.guide.pk, client_id=client_id,
                now=row.starts_at, actor=actor,
            ),
        )  # fmt: skip
    threads = [threading.Thread(target=keep), threading.Thread(target=undo)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said == ["came_as_booked"]
    assert Interaction.objects.filter(kind="visit").count() == 1
    assert Evidence.objects.filter(outcome="visited").count() == 1


def test_a_visit_stands_once_in_the_story_its_proof_is_in_the_feed(shop, phone, act):
    member = shop.members[0]
    phone.post(at("visit", member.public_id), act())
    proofs = MemberEvent.objects.filter(member_id=member.pk, kind=Kind.VISITED)
    assert proofs.count() == 1

    page = phone.get(at("customer", member.public_id))

    with translation.override("zh-hans"):
        noted = str(Kind.VISIT_NOTED.label)
    story = page.context["page"].story
    assert [line.words for line in story if line.icon == "store"] == [noted]
    told = timeline_page(member_ids=[member.pk], proofs=False)
    assert [event.kind for event in told].count(Kind.VISITED) == 0
    everything = timeline_page(member_ids=[member.pk])
    assert [event.kind for event in everything].count(Kind.VISITED) == 1
