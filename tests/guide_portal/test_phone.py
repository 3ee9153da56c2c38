"""What a phone kept without network: brought in batches, done once, refused in words."""

import json
import re
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.guide_portal.models import ActionReceipt
from apps.guide_portal.receipts import forget_receipts
from apps.guide_portal.saved import phone_key
from apps.guide_tasks.models import ItemMove, State, TaskItem, TaskTarget
from apps.members.models import FollowUp, Interaction, MemberNote, StopMark
from apps.stores.services import guide_leaves
from apps.tagging.models import MemberTags
from tests.factories.items import make_item_push
from tests.guide_portal.conftest import open_shop, signed_in


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def act(kind, now, *, ago=0, client_id=None, **fields):
    return {
        "client_id": str(client_id or uuid.uuid4()),
        "kind": kind,
        "made_at": (now - timedelta(seconds=ago)).isoformat(),
        "fields": {name: str(value) for name, value in fields.items()},
    }


def bring(phone, actions, *, now=None, guide=None, **more):
    body = {
        "guide": phone_key((guide or phone.guide).pk),
        "sent_at": now.isoformat() if now else "",
        "actions": actions,
        **more,
    }
    return phone.post(at("actions"), json.dumps(body), content_type="application/json")


def answers(response):
    assert response.status_code == 200, response.content
    return response.json()["answers"]


def each_kind(shop, tag):
    """One act of each kind a phone may keep."""
    first, second, third = shop.members
    return [
        act("note", shop.now, customer=first.public_id, body="想要短筒"),
        act("tag", shop.now, customer=second.public_id, tag=tag.pk),
        act("visit", shop.now, customer=third.public_id),
        act("follow_up", shop.now, customer=third.public_id, due_on="2026-03-20"),
        act("not_suitable", shop.now, target=shop.targets[0].pk, reason="moved_away"),
    ]


def effects(shop):
    return (
        MemberNote.objects.count(),
        MemberTags.objects.count(),
        Interaction.objects.filter(kind=Interaction.Kind.VISIT).count(),
        TaskTarget.objects.filter(state=State.NOT_APPLICABLE).count(),
    )


def test_a_batch_is_done_and_brought_again_changes_nothing(shop, phone, tag):
    batch = each_kind(shop, tag)

    first = answers(bring(phone, batch))
    again = answers(bring(phone, batch))

    assert [one["state"] for one in first] == ["done"] * 5
    assert [(one["client_id"], one["state"]) for one in again] == [
        (one["client_id"], one["state"]) for one in first
    ]
    assert effects(shop) == (1, 1, 1, 1)
    assert FollowUp.objects.get().due_on.isoformat() == "2026-03-20"


def test_store_work_is_called_not_applicable_once_by_who_has_it(shop, phone):
    push = make_item_push(shop.now, stores=[shop.store])
    mine, others = (
        TaskItem.objects.get(push=push, guide=guide) for guide in (shop.guide, shop.colleague)
    )
    batch = [
        act("item_not_suitable", shop.now, item=mine.pk, reason="other", words="没有模特"),
        act("item_not_suitable", shop.now, item=others.pk, reason="shut"),
        act("item_not_suitable", shop.now, item=mine.pk, reason="other"),
        act("item_not_suitable", shop.now, item=mine.pk, reason="withdrawn"),
        act("item_not_suitable", shop.now, item="9" * 30, reason="shut"),
    ]
    first, again = (answers(bring(phone, batch)) for _time in range(2))

    assert [one["state"] for one in first] == ["done"] + ["refused"] * 4
    assert [one["state"] for one in again] == [one["state"] for one in first]
    mine.refresh_from_db()
    others.refresh_from_db()
    assert (mine.state, mine.excuse_sentence) == (State.NOT_APPLICABLE, "没有模特")
    assert others.state == State.OPEN
    assert ItemMove.objects.filter(item=mine).count() == 1


def test_the_saved_list_holds_store_work_in_its_place(shop, phone):
    tonight = make_item_push(shop.now, stores=[shop.store], due_at=shop.now + timedelta(hours=2))
    later = make_item_push(shop.now, stores=[shop.store], due_at=shop.now + timedelta(days=3))

    items = phone.get(at("saved")).json()["items"]

    assert [(one["name"], one["before"]) for one in items] == [(tonight.title, 0), (later.title, 3)]
    assert items[0]["reasons"] == ["no_goods", "no_place", "shut"]


def test_the_same_act_twice_in_one_batch_is_one(shop, phone):
    note = act("note", shop.now, customer=shop.members[0].public_id, body="想要短筒")

    assert [one["state"] for one in answers(bring(phone, [note, note]))] == ["done", "done"]
    assert MemberNote.objects.count() == 1


def test_a_form_that_arrived_and_its_copy_from_the_phone_are_one_act(shop, phone, tag):
    member, target = shop.members[0], shop.targets[1]
    ids = [uuid.uuid4() for _ in range(4)]
    phone.post(at("note", member.public_id), {"client_id": ids[0], "body": "想要短筒"})
    phone.post(at("visit", member.public_id), {"client_id": ids[1]})
    phone.post(at("not_suitable", target.pk), {"client_id": ids[2], "reason": "moved_away"})
    phone.post(at("undo_excuse", target.pk), {"client_id": ids[3]})

    said = answers(
        bring(
            phone,
            [
                act("note", shop.now, client_id=ids[0], customer=member.public_id, body="想要短筒"),
                act("visit", shop.now, client_id=ids[1], customer=member.public_id),
                act("not_suitable", shop.now, client_id=ids[2], target=target.pk, reason="other"),
            ],
        )
    )

    assert [one["state"] for one in said] == ["done"] * 3
    assert effects(shop) == (1, 0, 1, 0)


def test_what_a_rule_refuses_says_why_and_keeps_saying_it(shop, phone, act_of_a_done_target):
    first, again = (answers(bring(phone, [act_of_a_done_target]))[0] for _ in range(2))

    assert first["state"] == again["state"] == "refused"
    assert first["reason"] == again["reason"] != ""
    assert effects(shop) == (0, 0, 0, 0)


@pytest.fixture
def act_of_a_done_target(shop):
    target = shop.targets[0]
    TaskTarget.objects.filter(pk=target.pk).update(state=State.DONE, done_at=shop.now)
    return act("not_suitable", shop.now, target=target.pk, reason="moved_away")


def test_rows_of_others_rows_that_are_gone_and_nonsense_are_refused_alone(shop, phone, tag):
    stranger = shop.others_members[0]
    own = act("note", shop.now, customer=shop.members[0].public_id, body="想要短筒")
    wrong = [
        act("note", shop.now, customer=stranger.public_id, body="想要短筒"),
        act("visit", shop.now, customer=uuid.uuid4()),
        act("visit", shop.now, customer="x" * 50),
        act("follow_up", shop.now, customer=shop.members[0].public_id, due_on="2099-01-01"),
        act("follow_up", shop.now, customer=shop.members[0].public_id, due_on="soon"),
        act("not_suitable", shop.now, target=shop.foreign[0].pk, reason="other"),
        act("not_suitable", shop.now, target="9" * 30, reason="other"),
        act("not_suitable", shop.now, target=shop.targets[0].pk, reason="asked_to_stop"),
        act("not_suitable", shop.now, target=shop.targets[0].pk, reason="delivered"),
        act("tag", shop.now, customer=shop.members[0].public_id, tag=tag.pk + 1000),
        act("note", shop.now, customer=shop.members[0].public_id, body=" "),
        act("note", shop.now, customer=shop.members[0].public_id, body="a\x00b"),
        act("send", shop.now, target=shop.targets[0].pk, text="你好"),
        act("\x00", shop.now),
        {"client_id": "nothing"},
        "nothing",
        None,
    ]

    said = answers(bring(phone, [*wrong, own]))

    assert [one["state"] for one in said] == ["refused"] * len(wrong) + ["done"]
    assert all(one["reason"] for one in said[:-1])
    assert effects(shop) == (1, 0, 0, 0)


def test_a_confirmed_stop_stops_everybody(shop, phone):
    stop = act(
        "not_suitable",
        shop.now,
        target=shop.targets[0].pk,
        reason="asked_to_stop",
        confirmed="1",
    )

    answers(bring(phone, [stop]))

    assert StopMark.objects.current().get().member_id == shop.targets[0].member_id


def test_a_visit_was_when_it_was_also_on_a_phone_whose_clock_is_wrong(shop, phone):
    phones_now = shop.now + timedelta(days=400)
    member = shop.members[0].public_id
    batch = [
        act("visit", phones_now, ago=3600, customer=member),
        act("visit", phones_now, ago=-3600, customer=member),
        act("visit", phones_now, ago=40 * 86_400, customer=member),
    ]

    answers(bring(phone, batch, now=phones_now))

    visits = Interaction.objects.filter(kind=Interaction.Kind.VISIT).order_by("pk")
    found = [shop.now - visit.occurred_at for visit in visits]
    assert found == [timedelta(hours=1), timedelta(0), timedelta(0)]


def test_one_that_breaks_is_asked_for_again_and_holds_up_no_other(shop, phone, monkeypatch):
    broken = act("visit", shop.now, customer=shop.members[0].public_id)
    fine = act("note", shop.now, customer=shop.members[0].public_id, body="想要短筒")

    def breaks(**_arguments):
        raise RuntimeError("no such day")

    with monkeypatch.context() as patch:
        patch.setattr("apps.members.services.note_visit", breaks)
        said = answers(bring(phone, [broken, fine]))
    later = answers(bring(phone, [broken, fine]))

    assert [one["state"] for one in said] == ["again", "done"]
    assert [one["state"] for one in later] == ["done", "done"]
    assert effects(shop) == (1, 0, 1, 0)


def test_another_guides_batch_is_not_taken_under_this_guides_name(shop, phone):
    note = act("note", shop.now, customer=shop.members[0].public_id, body="想要短筒")

    answer = bring(phone, [note], guide=shop.colleague)

    assert answer.status_code == 409
    assert effects(shop) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"actions": 1}', '{"actions": {}}', "[" * 100_000, "\x00"]
)
def test_a_batch_of_no_shape_is_a_bad_request(shop, phone, body):
    answer = phone.post(at("actions"), body, content_type="application/json")

    assert answer.status_code == 400


def test_a_form_is_no_batch(shop, phone):
    assert phone.post(at("actions"), {"actions": "[]"}).status_code == 400


def test_more_than_fifty_at_once_are_too_many(shop, phone):
    acts = [act("visit", shop.now, customer=shop.members[0].public_id) for _ in range(51)]

    assert bring(phone, acts).status_code == 400
    assert effects(shop) == (0, 0, 0, 0)


def test_who_is_not_signed_in_is_told_to_forget(shop, phone):
    stranger = Client()
    saved = stranger.get(at("saved"))
    brought = stranger.post(at("actions"), "{}", content_type="application/json")
    assert (saved.status_code, saved.headers["X-Wipe"]) == (401, "saved")
    assert (brought.status_code, brought.headers["X-Wipe"]) == (401, "saved")

    guide_leaves(guide=shop.guide, on=shop.now.date(), now=shop.now)

    gone = phone.get(at("saved"))
    assert gone.status_code == 401
    assert gone.headers["X-Wipe"] in ("all", "saved")


def test_a_token_that_ran_out_is_said_in_a_way_a_script_understands(shop):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(signed_in(shop.guide).get("/g/").wsgi_request.user)
    body = json.dumps({"guide": phone_key(shop.guide.pk), "actions": []})

    refused = strict.post(at("actions"), body, content_type="application/json")
    token = strict.get(at("saved")).json()["token"]
    taken = strict.post(
        at("actions"), body, content_type="application/json", HTTP_X_CSRFTOKEN=token
    )

    assert (refused.status_code, taken.status_code) == (403, 200)


def test_the_saved_list_holds_no_number_and_nothing_anybody_wrote(shop, phone):
    answers(bring(phone, [act("note", shop.now, customer=shop.members[0].public_id, body="短筒")]))

    answer = phone.get(at("saved"))

    copy = answer.json()
    assert len(copy["cards"]) == 3
    assert copy["cards"][0]["why"]
    assert {one["customer"] for one in copy["cards"]} == {
        str(one.public_id) for one in shop.members
    }
    text = answer.content.decode()
    assert not re.search(r"1\d{10}|\d{3}\*{4}\d{4}", text)
    assert "短筒" not in json.dumps(copy["cards"], ensure_ascii=False)
    assert "no-store" in answer.headers["Cache-Control"]
    assert copy["hours"] == 12


def test_the_saved_list_asks_as_much_for_many_as_for_few(
    db, fixed_clock, django_assert_max_num_queries
):
    few = signed_in(open_shop(fixed_clock, friends=2).guide)
    many = signed_in(open_shop(fixed_clock, friends=9).guide)
    for phone, cards in ((few, 2), (many, 9)):
        phone.get(at("saved"))  # the session has its token from now on
        with django_assert_max_num_queries(12) as asked:
            assert len(phone.get(at("saved")).json()["cards"]) == cards
        seen = len(asked)
        phone.seen = seen
    assert few.seen == many.seen


def test_the_frame_has_nobody_in_it_and_the_worker_names_our_files(shop, phone):
    phone.get("/g/")
    frame = phone.get(at("offline")).content.decode()
    worker = Client().get(at("worker"))

    assert frame.count('data-guide=""') == 1
    for member in shop.members:
        assert member.name not in frame
        assert str(member.public_id) not in frame
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "no-cache" in worker.headers["Cache-Control"]
    assert "guide_portal/offline/phone" in worker.content.decode()


def test_pages_are_not_kept_and_our_own_script_stays_small(shop, phone):
    page = phone.get("/g/")
    assert "no-store" in page.headers["Cache-Control"]
    scripts = re.findall(r'src="(/static/guide_portal/[^"]+)"', page.content.decode())
    assert len(scripts) >= 5
    files = [finders.find(one.removeprefix("/static/")) for one in scripts]
    sizes = [Path(one).stat().st_size for one in files]
    assert sum(sizes) < 60 * 1024
    assert "<script>" not in page.content.decode()


def test_signing_out_orders_the_phone_to_forget(shop, phone):
    answer = phone.post(at("sign_out"))

    assert 'data-wipe="all"' in answer.content.decode()


def test_receipts_past_their_keeping_go(shop, phone):
    answers(bring(phone, [act("visit", shop.now, customer=shop.members[0].public_id)]))
    receipt = ActionReceipt.objects.get()

    assert forget_receipts(now=receipt.created_at + timedelta(days=59)) == 0
    assert forget_receipts(now=receipt.created_at + timedelta(days=61)) == 1
    assert timezone.is_aware(receipt.created_at)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once_are_one_act(fixed_clock, transactional_db):
    shop = open_shop(fixed_clock)
    note = act("note", shop.now, customer=shop.members[0].public_id, body="想要短筒")
    together([signed_in(shop.guide) for _ in range(4)], [note])

    assert MemberNote.objects.count() == 1
    assert ActionReceipt.objects.count() == 1


def together(phones, batch):
    """The same batch from several tabs at the same moment."""
    gate, said = threading.Barrier(len(phones)), []

    def one(phone):
        try:
            gate.wait()
            said.append(answers(bring(phone, batch))[0]["state"])
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[phone]) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["done"] * len(phones)
