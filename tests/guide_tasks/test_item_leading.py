"""不适用 of items and what a manager does about them: remind, more time, take back."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.models import AuditEntry, User
from apps.core.errors import DomainError
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import (
    ChasedEnough,
    DueNotLater,
    GuideAway,
    ItemMoved,
    NoMoreTime,
    NotYourStore,
    NotYourTask,
    PushNotRunning,
    UnknownExcuse,
    WhyMissing,
)
from apps.guide_tasks.models import ItemMove, State, TaskItem, TaskPush
from apps.guide_tasks.services.items.leading import extend_items
from apps.guide_tasks.services.items.overdue import escalate_items
from apps.outreach.models import GuideNotice
from apps.stores.models import DayOff
from tests.factories.facts import make_guide, make_store
from tests.factories.items import jpeg, make_item_push, open_item_shop
from tests.factories.outreach import CORP
from tests.factories.tasks import guide_actor, manager_actor
from tests.guide_tasks.test_items import item_of, moves_of

Kind = TaskPush.Kind
pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def shop(fixed_clock, settings, tmp_path):
    """A store, two guides, and who leads it."""
    settings.MEDIA_ROOT = str(tmp_path)
    return open_item_shop(fixed_clock)


def free(shop, **fields):
    return item_of(make_item_push(shop.now, **fields), shop.guides[0])


def shared(shop):
    return item_of(make_item_push(shop.now, kind=Kind.GROUP, stores=[shop.store]))


def excuse(shop, item, reason="shut", words="", actor=None):
    return services.excuse_item(
        item=item, reason=reason, words=words, actor=actor or shop.mine, now=shop.now
    )


# --- 不适用 ---------------------------------------------------------------------------------------


def test_an_excuse_takes_effect_at_once_and_counts_as_excused(shop):
    item = free(shop, stores=[shop.store])
    for _time in range(2):
        excused = excuse(shop, item)

    assert (excused.state, excused.excuse_sentence) == (State.NOT_APPLICABLE, "门店装修或停业")
    assert moves_of(item) == [State.NOT_APPLICABLE]
    (result,) = selectors.item_results(push=item.push, actor=shop.hq)
    assert (result.issued, result.excused, result.open) == (2, 1, 1)
    day = selectors.items_of_day(guide_id=shop.guides[0].pk, now=shop.now)
    assert (day.total, [row.pk for row in day.excused]) == (0, [item.pk])


def test_head_office_reads_why_a_push_is_not_applicable(shop, client):
    push = make_item_push(shop.now)
    excuse(shop, item_of(push, shop.guides[0]), "no_goods")
    excuse(shop, item_of(push, shop.guides[1]), "no_goods", actor=shop.colleague)
    third = shared(shop)
    excuse(shop, third, "other", "停电")

    assert selectors.item_excuses(push=push, actor=shop.hq) == [("本店没有该商品", 2)]
    assert selectors.item_excuses(push=third.push, actor=shop.hq) == [("其他原因", 1)]
    client.force_login(User.objects.create(username="hq", role="hq_admin", is_staff=True))
    page = client.get(reverse("hq:push", args=[push.pk])).content.decode()
    assert "不适用的原因：本店没有该商品 2" in page


def test_another_reason_is_said_in_words(shop):
    item = free(shop)
    with pytest.raises(WhyMissing):
        excuse(shop, item, "other", "  ")
    with pytest.raises(UnknownExcuse):
        excuse(shop, item, "withdrawn")

    assert excuse(shop, item, "other", "货还在路上").excuse_sentence == "货还在路上"


def test_an_excuse_is_undone_to_where_the_item_stood(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    services.hand_in_photo(item=item, raw=jpeg(), note="", actor=shop.mine, now=shop.now)
    services.refuse_item(item=item, reason="少了价签", actor=shop.lead, now=shop.now)
    excuse(shop, item)
    for _time in range(2):
        item = services.undo_item_excuse(item=item, actor=shop.mine, now=shop.now)

    assert (item.state, item.excuse_reason, item.refusal) == (State.IN_PROGRESS, "", "少了价签")
    assert moves_of(item)[-3:] == [State.NOT_APPLICABLE, State.OPEN, State.IN_PROGRESS]


def test_done_handed_in_and_a_colleagues_item_are_not_excused(shop):
    done = services.report_item(item=free(shop), note="", actor=shop.mine, now=shop.now)
    waiting = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    services.hand_in_photo(item=waiting, raw=jpeg(), note="", actor=shop.mine, now=shop.now)
    for item in (done, waiting):
        with pytest.raises(ItemMoved):
            excuse(shop, item)
    with pytest.raises(NotYourTask):
        excuse(shop, free(shop), actor=shop.colleague)
    assert not TaskItem.objects.filter(state=State.NOT_APPLICABLE).exists()


def test_what_head_office_took_back_is_not_undone_by_the_guide(shop):
    item = free(shop)
    services.withdraw_item_push(push=item.push, actor=shop.hq, now=shop.now)
    with pytest.raises(ItemMoved):
        services.undo_item_excuse(item=item, actor=shop.mine, now=shop.now)

    mine = free(shop)
    excuse(shop, mine)
    TaskPush.objects.filter(pk=mine.push_id).update(status="closed", closed_at=shop.now)
    with pytest.raises(PushNotRunning):
        services.undo_item_excuse(item=mine, actor=shop.mine, now=shop.now)


def test_one_excuse_of_the_stores_item_is_the_stores(shop):
    item = shared(shop)
    excuse(shop, item)
    with pytest.raises(ItemMoved):
        services.report_item(item=item, note="", actor=shop.colleague, now=shop.now)
    services.undo_item_excuse(item=item, actor=shop.colleague, now=shop.now)
    services.report_item(item=item, note="", actor=shop.colleague, now=shop.now)


# --- 催办 -----------------------------------------------------------------------------------------


def chase(shop, *items, now=None, actor=None):
    return services.chase_items(
        item_ids=[item.pk for item in items], actor=actor or shop.lead, now=now or shop.now
    )


def test_three_reminders_a_day_each_with_its_card(shop):
    item = free(shop)
    for _time in range(3):
        assert chase(shop, item) == 1
    with pytest.raises(ChasedEnough):
        chase(shop, item)

    cards = GuideNotice.objects.filter(source__startswith=f"task_item:{item.pk}:chase:")
    assert cards.filter(at_once=True).count() == cards.count() == 3
    assert {(card.guide_id, card.path) for card in cards} == {
        (shop.guides[0].pk, f"/g/items/{item.pk}/")
    }
    assert chase(shop, item, now=shop.now + DAY) == 1
    item.refresh_from_db()
    assert item.chases == 1


def test_a_stores_item_reminds_everybody_at_work_but_who_reminds(shop):
    item = shared(shop)
    DayOff.objects.create(guide=shop.guides[1], day=shop.now.date())
    chase(shop, item)

    told = GuideNotice.objects.filter(source__startswith=f"task_item:{item.pk}:chase:")
    assert [card.guide_id for card in told] == [shop.guides[0].pk]


def test_nobody_away_or_of_another_store_is_reminded(shop):
    west = make_store(region="west")
    stranger = make_guide(west, corp=CORP)
    foreign = item_of(make_item_push(shop.now, stores=[west]), stranger)
    item = free(shop)
    done = services.report_item(item=free(shop), note="", actor=shop.mine, now=shop.now)
    DayOff.objects.create(guide=shop.guides[0], day=shop.now.date())

    assert chase(shop, foreign, done) == 0
    with pytest.raises(GuideAway):
        chase(shop, item)
    with pytest.raises(NotYourStore):
        chase(shop, item, actor=shop.mine)


def test_reminding_of_many_asks_as_much_as_of_one(shop):
    def ask(items):
        with CaptureQueriesContext(connection) as asked:
            chase(shop, *items)
        return len(asked)

    few = ask([free(shop), shared(shop)])
    assert ask([free(shop) for _one in range(5)] + [shared(shop) for _one in range(5)]) == few


# --- more time, taken back ------------------------------------------------------------------------


def test_one_item_gets_more_time_alone_and_its_guide_hears_of_it(shop):
    push = make_item_push(shop.now)
    mine, other = (item_of(push, guide) for guide in shop.guides)
    later = mine.due_at + DAY
    for _time in range(2):
        services.extend_item(item=mine, due_at=later, actor=shop.lead, now=shop.now)

    mine.refresh_from_db()
    assert mine.due_at == later
    assert TaskItem.objects.get(pk=other.pk).due_at < later
    assert AuditEntry.objects.filter(action="item.extended").count() == 1
    told = GuideNotice.objects.get(source__startswith=f"task_item:{mine.pk}:extended:")
    assert told.guide_id == shop.guides[0].pk
    for wrong in (mine.due_at - timedelta(hours=1), shop.now - DAY, shop.now + 200 * DAY):
        with pytest.raises(DueNotLater):
            services.extend_item(item=mine, due_at=wrong, actor=shop.lead, now=shop.now)


def test_more_time_is_for_what_is_not_done_and_never_for_a_post(shop):
    later = shop.now + 4 * DAY
    done = services.report_item(item=free(shop), note="", actor=shop.mine, now=shop.now)
    post = item_of(make_item_push(shop.now, kind=Kind.MOMENTS), shop.guides[0])
    for item, error in ((done, ItemMoved), (post, NoMoreTime)):
        with pytest.raises(error):
            services.extend_item(item=item, due_at=later, actor=shop.lead, now=shop.now)


def test_one_item_is_taken_back_with_a_reason_that_its_guide_reads(shop):
    item = free(shop)
    with pytest.raises(WhyMissing):
        services.withdraw_item(item=item, why=" ", actor=shop.lead, now=shop.now)
    for _time in range(2):
        item = services.withdraw_item(item=item, why="不需要做了", actor=shop.lead, now=shop.now)

    assert (item.state, item.excuse_reason) == (State.NOT_APPLICABLE, "withdrawn")
    assert item.excuse_sentence == "店长已撤回：不需要做了"
    assert ItemMove.objects.get(item=item).actor == f"guide:{shop.manager.pk}"
    assert GuideNotice.objects.get(source=f"task_item:{item.pk}:withdrawn").title.startswith(
        "已撤回"
    )
    with pytest.raises(ItemMoved):
        services.undo_item_excuse(item=item, actor=shop.mine, now=shop.now)


def test_only_who_leads_the_store_gives_time_or_takes_back(shop):
    item = free(shop)
    elsewhere = manager_actor(make_guide(None, corp=CORP), make_store(), shop.now)
    for actor in (shop.mine, elsewhere, guide_actor(shop.manager, shop.now)):
        with pytest.raises(NotYourStore):
            services.extend_item(item=item, due_at=shop.now + 4 * DAY, actor=actor, now=shop.now)
        with pytest.raises(NotYourStore):
            services.withdraw_item(item=item, why="x", actor=actor, now=shop.now)


def test_a_photo_that_was_handed_in_is_decided_not_taken_back(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    services.hand_in_photo(item=item, raw=jpeg(), note="", actor=shop.mine, now=shop.now)
    with pytest.raises(ItemMoved):
        services.withdraw_item(item=item, why="x", actor=shop.lead, now=shop.now)


# --- at the same moment ---------------------------------------------------------------------------


def at_once(*acts):
    """All of them at the same moment, each on a connection of its own; the errors, by name."""
    start, errors = threading.Barrier(len(acts)), []

    def run(act):
        start.wait()
        try:
            act()
        except DomainError as error:
            errors.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_five_reminders_at_once_are_three(shop):
    item = free(shop)

    assert at_once(*[lambda: chase(shop, item)] * 5) == ["ChasedEnough"] * 2

    item.refresh_from_db()
    assert item.chases == 3
    assert GuideNotice.objects.filter(source__contains=":chase:").count() == 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_done_excused_and_taken_back_at_once_is_one_of_them(shop):
    item = shared(shop)

    errors = at_once(
        lambda: services.report_item(item=item, note="", actor=shop.colleague, now=shop.now),
        lambda: excuse(shop, item),
        lambda: services.withdraw_item(item=item, why="x", actor=shop.lead, now=shop.now),
    )

    assert len(errors) == 2
    assert len(moves_of(item)) == 1


# --- overdue all the same -------------------------------------------------------------------------


def cards_of(shop):
    return GuideNotice.objects.filter(guide=shop.manager, source__contains="overdue_items")


def test_the_manager_gets_one_card_for_store_work_that_stays_overdue(shop, settings):
    settings.ESCALATE_AFTER_HOURS = 24
    push = make_item_push(shop.now, stores=[shop.store])
    hour = timedelta(hours=1)

    assert escalate_items(now=push.due_at + 23 * hour) == 0
    assert escalate_items(now=push.due_at + 25 * hour) == 1
    assert escalate_items(now=push.due_at + 26 * hour) == 0

    (card,) = cards_of(shop)
    assert (card.path, push.title in card.title) == ("/g/team/tasks/", True)
    assert card.body == "有 2 项门店任务已逾期，请看看门店任务。"


def test_what_is_done_or_handed_in_escalates_nothing_and_a_later_due_time_does_again(shop):
    item = shared(shop)
    escalate_items(now=item.due_at + 2 * DAY)
    TaskItem.objects.filter(pk=item.pk).update(due_at=item.due_at + 4 * DAY)
    assert escalate_items(now=item.due_at + 6 * DAY) == 1
    assert cards_of(shop).count() == 2

    done = free(shop, stores=[shop.store], due_at=shop.now + DAY)
    TaskItem.objects.filter(push=done.push).update(state=State.TO_VERIFY)
    assert escalate_items(now=done.due_at + 2 * DAY) == 0


def test_who_is_told_is_asked_as_often_for_many_as_for_few(shop):
    counts = []
    for number in (1, 4):
        for _one in range(number):
            make_item_push(shop.now, stores=[shop.store])
        with CaptureQueriesContext(connection) as queries:
            assert escalate_items(now=shop.now + 4 * DAY) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- head office ----------------------------------------------------------------------------------


def test_head_office_gives_a_push_more_time_and_what_has_expired_stays_so(shop):
    push, later = make_item_push(shop.now, stores=[shop.store]), shop.now + 4 * DAY
    over = item_of(push, shop.guides[1])
    TaskItem.objects.filter(pk=over.pk).update(state=State.EXPIRED)

    given = [
        extend_items(push=push, due_at=later, actor=shop.hq, now=shop.now) for _time in range(2)
    ]

    assert given == [1, 0]
    push.refresh_from_db()
    assert push.due_at == item_of(push, shop.guides[0]).due_at == later
    assert item_of(push, shop.guides[1]).due_at == over.due_at
    assert AuditEntry.objects.filter(action="push.extended").count() == 1


def test_a_post_a_closed_push_and_a_managers_hand_get_no_more_time(shop):
    push, later = make_item_push(shop.now, stores=[shop.store]), shop.now + 4 * DAY
    post = make_item_push(shop.now, kind=Kind.MOMENTS)
    with pytest.raises(NotYourStore):
        extend_items(push=push, due_at=later, actor=shop.lead, now=shop.now)
    with pytest.raises(NoMoreTime):
        extend_items(push=post, due_at=later, actor=shop.hq, now=shop.now)
    with pytest.raises(DueNotLater):
        extend_items(push=push, due_at=shop.now + DAY, actor=shop.hq, now=shop.now)
    services.withdraw_item_push(push=push, actor=shop.hq, now=shop.now)
    with pytest.raises(PushNotRunning):
        extend_items(push=push, due_at=later, actor=shop.hq, now=shop.now)


def test_a_whole_push_is_chased_three_times_a_day_by_who_pushes(shop):
    push, other = (make_item_push(shop.now, stores=[shop.store]) for _one in range(2))
    operator = Actor(user_id=1, sees_all=True, capabilities=frozenset({Capability.PUSH_TASKS}))

    for _time in range(3):
        assert services.chase_items(push=push, actor=operator, now=shop.now) == 2
    with pytest.raises(ChasedEnough):
        services.chase_items(push=push, actor=operator, now=shop.now)

    assert GuideNotice.objects.filter(source__contains=":chase:").count() == 6
    assert not TaskItem.objects.filter(push=other, chases__gt=0).exists()
