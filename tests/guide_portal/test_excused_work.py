"""Much 不适用 of a store's work without customers: the manager is asked, as for customers."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import ItemExcuseDecision, ItemMove, State, TaskItem, TaskPush
from apps.outreach.models import GuideNotice
from tests.factories.items import make_item_push
from tests.factories.tasks import guide_actor
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db
Kind = TaskPush.Kind


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def waiting(phone):
    return phone.get(url("approvals")).content.decode()


def say_no(push, guide, now, *, of_store=False, reason="no_goods"):
    item = TaskItem.objects.get(push=push, guide=None if of_store else guide)
    return guide_tasks.excuse_item(
        item=item, reason=reason, actor=guide_actor(guide, now), now=now, words="模特坏了"
    )


@pytest.fixture
def work(shop):
    return make_item_push(shop.now, kind=Kind.DISPLAY, stores=[shop.store])


def test_one_of_several_asks_nobody_and_two_ask_the_manager_with_both_reasons(
    shop, work, managers_phone
):
    first = say_no(work, shop.guide, shop.now)
    assert "excused-work" not in waiting(managers_phone)
    say_no(work, shop.colleague, shop.now, reason="other")

    page = waiting(managers_phone)
    assert url("decide_item_excuses", first.pk) in page
    for words in (shop.guide.name, shop.colleague.name, first.excuse_sentence, "模特坏了"):
        assert words in page


def test_one_word_takes_the_whole_stores_work_away_and_asks(shop, managers_phone):
    push = make_item_push(shop.now, kind=Kind.GROUP, stores=[shop.store])
    item = say_no(push, shop.guide, shop.now, of_store=True)

    page = waiting(managers_phone)
    assert url("decide_item_excuses", item.pk) in page
    assert shop.guide.name in page


def test_confirmed_it_stands_and_nobody_is_asked_twice(shop, work, managers_phone, act):
    items = [say_no(work, guide, shop.now) for guide in (shop.guide, shop.colleague)]
    managers_phone.post(url("decide_item_excuses", items[0].pk), act(decision="confirm"))

    assert set(TaskItem.objects.filter(push=work).values_list("state", flat=True)) == {
        State.NOT_APPLICABLE
    }
    assert "excused-work" not in waiting(managers_phone)
    decision = ItemExcuseDecision.objects.get()
    assert (decision.excused, decision.kept) == (2, 2)
    assert AuditEntry.objects.filter(action="item_excuses.confirmed").count() == 1


def test_given_back_it_is_to_be_done_again_once_with_a_card_each(shop, work, managers_phone, act):
    items = [say_no(work, guide, shop.now) for guide in (shop.guide, shop.colleague)]
    TaskItem.objects.filter(pk=items[1].pk).update(refusal="再拍一张")
    fields = act(decision="return")
    for _time in range(2):
        managers_phone.post(url("decide_item_excuses", items[0].pk), fields)

    for item in items:
        item.refresh_from_db()
    assert [item.state for item in items] == [State.OPEN, State.IN_PROGRESS]
    assert [item.excuse_reason for item in items] == ["", ""]
    assert ItemMove.objects.filter(item=items[0], reason="returned").count() == 1
    told = GuideNotice.objects.filter(source__endswith=f":returned:{shop.now.isoformat()}")
    assert set(told.values_list("guide_id", flat=True)) == {shop.guide.pk, shop.colleague.pk}
    assert ItemExcuseDecision.objects.get().kept == 0
    assert "excused-work" not in waiting(managers_phone)


def test_said_again_after_it_was_given_back_the_manager_is_asked_again(
    shop, work, managers_phone, act
):
    items = [say_no(work, guide, shop.now) for guide in (shop.guide, shop.colleague)]
    managers_phone.post(url("decide_item_excuses", items[0].pk), act(decision="return"))
    for guide in (shop.guide, shop.colleague):
        say_no(work, guide, shop.now)
    assert "excused-work" in waiting(managers_phone)


def test_a_store_task_given_back_reaches_everybody_at_work(shop, managers_phone, act):
    push = make_item_push(shop.now, kind=Kind.GROUP, stores=[shop.store])
    item = say_no(push, shop.guide, shop.now, of_store=True)
    managers_phone.post(url("decide_item_excuses", item.pk), act(decision="return"))

    item.refresh_from_db()
    assert item.state == State.OPEN
    told = GuideNotice.objects.filter(source__contains=":returned:").values_list("guide_id")
    assert {pk for (pk,) in told} == {shop.guide.pk, shop.colleague.pk}


def test_nobody_decides_about_their_own_word(shop, managers_phone, act):
    push = make_item_push(shop.now, kind=Kind.GROUP, stores=[shop.store])
    item = say_no(push, shop.manager, shop.now, of_store=True)
    assert "excused-work" not in waiting(managers_phone)
    managers_phone.post(url("decide_item_excuses", item.pk), act(decision="return"))
    item.refresh_from_db()
    assert item.state == State.NOT_APPLICABLE


def test_a_push_that_is_over_asks_nobody(shop, work, managers_phone):
    for guide in (shop.guide, shop.colleague):
        say_no(work, guide, shop.now)
    TaskPush.objects.filter(pk=work.pk).update(status=TaskPush.Status.CLOSED)
    assert "excused-work" not in waiting(managers_phone)


def test_another_stores_work_is_not_there(shop, phone, managers_phone, act):
    other = open_shop(shop.now)
    push = make_item_push(shop.now, stores=[other.store])
    item = say_no(push, other.guide, shop.now)
    address = url("decide_item_excuses", item.pk)
    assert managers_phone.post(address, act(decision="return")).status_code == 404
    assert phone.post(address, act(decision="return")).status_code == 403


def test_the_page_asks_as_often_for_many_as_for_few(shop, work, managers_phone):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            waiting(managers_phone)
        return len(asked)

    for guide in (shop.guide, shop.colleague):
        say_no(work, guide, shop.now)
    queries()
    few = queries()
    for _push in range(3):
        more = make_item_push(shop.now, stores=[shop.store])
        for guide in (shop.guide, shop.colleague):
            say_no(more, guide, shop.now)

    assert queries() == few
