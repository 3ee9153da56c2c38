"""Work without customers: who gets it, by whose word it is done, and that nothing jumps."""

import struct
import uuid
import zlib
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.campaigns.models import Campaign
from apps.core.photos import PhotoRefused, PhotoTooLarge
from apps.guide_tasks import services
from apps.guide_tasks.errors import (
    DoneByColleague,
    ItemMoved,
    NobodyThere,
    NotThisKind,
    NotYourStore,
    NotYourTask,
    OwnPhoto,
    PushNotReady,
    ReasonMissing,
)
from apps.guide_tasks.models import MOVES, ItemMove, State, TaskItem, TaskPush
from apps.guide_tasks.services.items import acts as item_services
from apps.members import services as members
from apps.members.models import FollowRelation, Member
from apps.outreach.models import GuideNotice
from apps.stores.models import DayOff, Guide, StoreDay
from tests.factories.facts import make_guide, make_member, make_store
from tests.factories.items import jpeg, make_item_push, open_item_shop, png
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import guide_actor, manager_actor

Kind = TaskPush.Kind
pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return open_item_shop(fixed_clock)


def item_of(push, guide=None):
    return TaskItem.objects.get(push=push, guide=guide)


def kept_photo(item):
    with item.photo.open("rb") as file:
        return file.read()


def moves_of(item):
    return list(
        ItemMove.objects.filter(item=item).order_by("pk").values_list("to_state", flat=True)
    )


# --- who gets it ----------------------------------------------------------------------------------


def test_every_guide_on_duty_gets_the_item_and_one_card(shop):
    left = make_guide(shop.store, corp=CORP)
    Guide.objects.filter(pk=left.pk).update(status="left", left_at=shop.now)

    push = make_item_push(shop.now)

    assert push.status == "handed_out"
    assert set(TaskItem.objects.values_list("guide_id", flat=True)) == {
        guide.pk for guide in shop.guides
    }
    told = GuideNotice.objects.filter(source=push.source)
    assert set(told.values_list("guide_id", flat=True)) == {guide.pk for guide in shop.guides}


def test_a_store_task_is_there_once_and_everybody_of_the_store_hears_of_it(shop):
    push = make_item_push(shop.now, kind=Kind.GROUP)

    item = item_of(push)
    assert item.store_id == shop.store.pk
    assert GuideNotice.objects.filter(source=push.source).count() == 3


def test_only_the_chosen_places_get_it(shop):
    west = make_store(region="west")
    make_guide(west, corp=CORP)

    by_region = make_item_push(shop.now, regions=[west.region])
    by_store = make_item_push(shop.now, stores=[shop.store])

    assert set(TaskItem.objects.filter(push=by_region).values_list("store_id", flat=True)) == {
        west.pk
    }
    assert set(TaskItem.objects.filter(push=by_store).values_list("store_id", flat=True)) == {
        shop.store.pk
    }


def test_who_is_off_that_day_or_in_a_closed_store_gets_nothing(shop):
    off, closed = shop.guides[0], make_store()
    make_guide(closed, corp=CORP)
    DayOff.objects.create(guide=off, day=shop.now.date())
    StoreDay.objects.create(store=closed, day=shop.now.date())

    push = make_item_push(shop.now)

    assert set(TaskItem.objects.filter(push=push).values_list("guide_id", flat=True)) == {
        shop.guides[1].pk
    }


def test_a_repeated_hand_out_gives_nothing_twice(shop):
    push = make_item_push(shop.now)
    TaskPush.objects.filter(pk=push.pk).update(status="approved", handed_out_at=None)

    assert services.hand_out_due(now=shop.now) == 0  # its hour was never set
    TaskPush.objects.filter(pk=push.pk).update(hand_out_at=shop.now)
    assert services.hand_out_due(now=shop.now) == 1
    assert TaskItem.objects.filter(push=push).count() == 2
    assert GuideNotice.objects.filter(source=push.source).count() == 2


def test_a_form_sent_twice_makes_one_push(shop):
    client_id = uuid.uuid4()

    first = make_item_push(shop.now, client_id=client_id)
    second = make_item_push(shop.now, client_id=client_id, title="anders")

    assert second == first
    assert TaskPush.objects.count() == 1


def test_a_push_for_tomorrow_waits_for_its_hour(shop):
    tomorrow = shop.now + timedelta(days=1)
    push = make_item_push(shop.now, hand_out_at=tomorrow)

    assert push.status == "approved"
    assert services.hand_out_due(now=shop.now) == 0
    assert services.hand_out_due(now=tomorrow) == 1
    assert TaskItem.objects.filter(push=push).count() == 2


def test_a_place_where_nobody_works_refuses_the_push(shop):
    with pytest.raises(NobodyThere):
        make_item_push(shop.now, stores=[make_store()])

    assert not TaskPush.objects.exists()


def test_the_hand_out_asks_as_many_questions_for_many_guides_as_for_few(shop):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            make_item_push(shop.now)
        return len(asked)

    few = count()
    for _one in range(12):
        make_guide(make_store(), corp=CORP)

    assert count() == few


def test_a_manager_makes_tasks_for_the_own_store_alone(shop):
    push = make_item_push(shop.now, kind=Kind.GROUP, actor=shop.lead, stores=[shop.store])
    second = make_item_push(shop.now, kind=Kind.FREE, actor=shop.lead, stores=[shop.store])

    assert push.campaign_id == second.campaign_id
    assert Campaign.objects.count() == 1
    for wrong in (
        {"stores": [make_store()]},
        {"stores": []},
        {"stores": [shop.store], "regions": [shop.store.region]},
        {"stores": [shop.store], "kind": Kind.RECRUIT, "quota": 3, "quota_of": "members"},
    ):
        with pytest.raises(NotYourStore):
            make_item_push(shop.now, actor=shop.lead, **wrong)
    with pytest.raises(NotYourStore):
        make_item_push(shop.now, actor=shop.mine, stores=[shop.store])


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "  "},
        {"kind": Kind.CONTACT},
        {"kind": Kind.RECRUIT},
        {"quota": 3, "quota_of": "members"},
        {"due_at": timedelta(hours=-1)},
        {"hand_out_at": timedelta(days=5)},
    ],
)
def test_an_incomplete_push_says_what_is_missing(shop, wrong):
    wrong = {
        name: shop.now + value if isinstance(value, timedelta) else value
        for name, value in wrong.items()
    }
    with pytest.raises(PushNotReady):
        make_item_push(shop.now, **wrong)


# --- done by one's own word -----------------------------------------------------------------------


def test_a_guide_reports_the_own_item_once(shop):
    item = item_of(make_item_push(shop.now), shop.guides[0])

    services.report_item(item=item, note=" 已换好 ", actor=shop.mine, now=shop.now)
    again = services.report_item(item=item, note="x", actor=shop.mine, now=shop.now)

    assert (again.state, again.proof, again.note) == (State.DONE, "self_reported", "已换好")
    assert again.done_by_id == shop.guides[0].pk
    assert moves_of(item) == [State.DONE]


def test_a_colleagues_item_is_not_mine(shop):
    item = item_of(make_item_push(shop.now), shop.guides[1])

    with pytest.raises(NotYourTask):
        services.report_item(item=item, note="", actor=shop.mine, now=shop.now)
    assert item not in TaskItem.objects.visible_to(shop.mine)
    assert item in TaskItem.objects.visible_to(shop.lead)


def test_a_store_task_is_done_once_by_anybody_there(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.GROUP))
    stranger = make_guide(make_store(), corp=CORP)

    with pytest.raises(NotYourTask):
        services.report_item(
            item=item, note="", actor=guide_actor(stranger, shop.now), now=shop.now
        )
    services.report_item(item=item, note="", actor=shop.colleague, now=shop.now)
    with pytest.raises(DoneByColleague):
        services.report_item(item=item, note="", actor=shop.mine, now=shop.now)

    item.refresh_from_db()
    assert item.done_by_id == shop.guides[1].pk
    assert moves_of(item) == [State.DONE]


@pytest.mark.parametrize("kind", [Kind.RECRUIT, Kind.DISPLAY])
def test_what_is_proven_otherwise_cannot_be_ticked(shop, kind):
    fields = {"quota": 1, "quota_of": "members"} if kind == Kind.RECRUIT else {}
    item = item_of(make_item_push(shop.now, kind=kind, **fields), shop.guides[0])

    with pytest.raises(NotThisKind):
        services.report_item(item=item, note="", actor=shop.mine, now=shop.now)


def test_every_move_that_is_not_in_the_table_is_refused(shop):
    item = item_of(make_item_push(shop.now), shop.guides[0])
    for state, allowed in MOVES.items():
        for to in set(State) - set(allowed):
            item.state = state
            with pytest.raises(ItemMoved):
                item_services.move(item=item, to=to, at=shop.now, actor="x")

    assert not ItemMove.objects.exists()


# --- photo and approval ---------------------------------------------------------------------------


def handed_in(shop, actor=None, **fields):
    push = make_item_push(shop.now, kind=Kind.DISPLAY, once_per_store=True, **fields)
    return services.hand_in_photo(
        item=item_of(push), raw=jpeg(), note="", actor=actor or shop.mine, now=shop.now
    )


def test_a_photo_counts_when_the_manager_approves_it(shop):
    item = handed_in(shop)
    assert (item.state, item.proof) == (State.TO_VERIFY, "")
    card = GuideNotice.objects.get(guide=shop.manager, source__startswith="approvals:")
    assert card.path == "/g/team/approvals/"

    services.approve_item(item=item, actor=shop.lead, now=shop.now)
    done = services.approve_item(item=item, actor=shop.lead, now=shop.now)

    assert (done.state, done.proof) == (State.DONE, "approved")
    assert moves_of(item) == [State.TO_VERIFY, State.DONE]


def test_a_refused_photo_comes_back_with_the_reason_and_may_be_handed_in_again(shop):
    item = handed_in(shop)
    first = item.photo.name

    with pytest.raises(ReasonMissing):
        services.refuse_item(item=item, reason=" ", actor=shop.lead, now=shop.now)
    back = services.refuse_item(item=item, reason="少了价签", actor=shop.lead, now=shop.now)
    services.refuse_item(item=item, reason="少了价签", actor=shop.lead, now=shop.now)
    assert (back.state, back.refusal) == (State.IN_PROGRESS, "少了价签")
    assert GuideNotice.objects.filter(
        guide=shop.guides[0], source__startswith=f"{item.source}:refused"
    ).exists()

    again = services.hand_in_photo(item=item, raw=png(), note="", actor=shop.mine, now=shop.now)
    assert (again.state, again.refusal) == (State.TO_VERIFY, "")
    assert again.photo.name != first
    assert moves_of(item) == [State.TO_VERIFY, State.IN_PROGRESS, State.TO_VERIFY]


def test_nobody_approves_the_own_photo_and_no_stranger_any(shop):
    item = handed_in(shop, actor=shop.lead)
    other = make_guide(None, corp=CORP)
    stranger = manager_actor(other, make_store(), shop.now)

    with pytest.raises(OwnPhoto):
        services.approve_item(item=item, actor=shop.lead, now=shop.now)
    for actor in (stranger, shop.mine, replace(shop.mine, store_ids=frozenset({shop.store.pk}))):
        with pytest.raises(NotYourStore):
            services.approve_item(item=item, actor=actor, now=shop.now)
    assert services.approve_item(item=item, actor=shop.hq, now=shop.now).state == State.DONE


def test_a_decision_needs_a_photo_that_waits(shop):
    push = make_item_push(shop.now, kind=Kind.DISPLAY)
    item = item_of(push, shop.guides[0])

    with pytest.raises(ItemMoved):
        services.approve_item(item=item, actor=shop.lead, now=shop.now)
    with pytest.raises(ItemMoved):
        services.refuse_item(item=item, reason="x", actor=shop.lead, now=shop.now)


def test_only_pictures_of_a_bearable_size_are_taken(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    huge = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 50_000, 9) + b"\0" * 40

    for raw in (b"", b"GIF89a", b"<svg></svg>", b"\xff\xd8\xff\xe0", jpeg()[:40], huge):
        with pytest.raises(PhotoRefused):
            services.hand_in_photo(item=item, raw=raw, note="", actor=shop.mine, now=shop.now)
    with pytest.raises(PhotoTooLarge):
        services.hand_in_photo(
            item=item, raw=jpeg() + b"\0" * 9_000_000, note="", actor=shop.mine, now=shop.now
        )
    item.refresh_from_db()
    assert (item.state, item.photo.name) == (State.OPEN, "")


def test_where_and_with_what_a_photo_was_taken_is_not_kept(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    raw = jpeg(exif=b"GPS 31.2304 121.4737", orientation=6) + b"film behind the picture"

    item = services.hand_in_photo(item=item, raw=raw, note="", actor=shop.mine, now=shop.now)

    kept = kept_photo(item)
    assert b"GPS" not in kept
    assert b"film" not in kept
    assert kept.startswith(b"\xff\xd8\xff\xe1")  # which way is up, and nothing else
    assert len(kept) < len(raw)


def test_a_second_picture_behind_the_first_is_not_kept(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    raw = jpeg() + jpeg(exif=b"GPS 31.2304 121.4737")  # as phones hang a preview behind it

    item = services.hand_in_photo(item=item, raw=raw, note="", actor=shop.mine, now=shop.now)

    assert kept_photo(item) == jpeg()


def test_a_picture_of_several_scans_is_whole_and_notes_between_them_go(shop):
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])
    whole, tables = jpeg(), b"\xff\xc4\0\x04\xff\xd9"  # an end of a picture inside a table is none
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\x2a\xff\0\xff\xd0\x2b"
    note = b"\xff\xfe\0\x06GPS!"

    raw = whole[:-2] + note + tables + scan + b"\xff\xd9"
    item = services.hand_in_photo(item=item, raw=raw, note="", actor=shop.mine, now=shop.now)

    assert kept_photo(item) == whole[:-2] + tables + scan + b"\xff\xd9"


def test_a_png_keeps_its_picture_and_loses_its_words(shop):
    words = b"tEXtAuthor\0somebody"
    chunk = struct.pack(">I", len(words) - 4) + words + struct.pack(">I", zlib.crc32(words))
    item = item_of(make_item_push(shop.now, kind=Kind.DISPLAY), shop.guides[0])

    raw = png(extra=chunk)
    item = services.hand_in_photo(item=item, raw=raw, note="", actor=shop.mine, now=shop.now)

    assert kept_photo(item) == png()


# --- quotas ---------------------------------------------------------------------------------------


def enrolled(guide, at, *, consent=True):
    member = make_member()
    Member.objects.filter(pk=member.pk).update(enrolling_guide=guide, joined_at=at)
    if consent:
        members.give_consent(
            member_id=member.pk,
            purpose="membership",
            text_version="v1",
            channel="h5",
            given_at=at,
        )
    return member


def quota(shop, of, number=2):
    push = make_item_push(shop.now, kind=Kind.RECRUIT, quota=number, quota_of=of)
    return item_of(push, shop.guides[0])


def count(shop, item, after=timedelta(hours=1)):
    services.count_quotas(now=shop.now + after)
    item.refresh_from_db()
    return item.counted, item.state


def test_a_quota_of_members_is_counted_from_enrolments(shop):
    item = quota(shop, "members")
    soon = shop.now + timedelta(minutes=5)
    enrolled(shop.guides[0], shop.now - timedelta(minutes=1))
    enrolled(shop.guides[1], soon)
    enrolled(shop.guides[0], soon, consent=False)
    assert count(shop, item) == (0, State.OPEN)

    merged, known = enrolled(shop.guides[0], soon), make_member()
    assert count(shop, item) == (1, State.IN_PROGRESS)
    Member.objects.filter(pk=merged.pk).update(survivor_id=known.pk)
    assert count(shop, item) == (0, State.IN_PROGRESS)

    enrolled(shop.guides[0], soon)
    enrolled(shop.guides[0], soon)
    assert count(shop, item) == (2, State.DONE)
    assert item.proof == "counted"
    assert moves_of(item) == [State.IN_PROGRESS, State.DONE]


def test_a_quota_of_friends_counts_each_new_friend_who_stays(shop):
    item = quota(shop, "friends")
    soon = shop.now + timedelta(minutes=5)
    guide = shop.guides[0]
    make_friends(guide, 1, since=shop.now - timedelta(days=9))
    make_friends(guide, 1, since=soon)
    make_friends(guide, 2, since=soon)
    gone, given = FollowRelation.objects.filter(guide=guide, since=soon).order_by("-pk")[:2]
    FollowRelation.objects.filter(pk=gone.pk).update(until=soon, ended_by="customer")
    FollowRelation.objects.filter(pk=given.pk).update(add_way=202)
    assert count(shop, item) == (1, State.IN_PROGRESS)

    make_friends(guide, 1, since=soon)
    assert count(shop, item) == (2, State.DONE)


def test_who_deletes_a_friend_to_add_them_again_has_won_nobody(shop):
    item = quota(shop, "friends", 1)
    ((member, external),) = make_friends(shop.guides[0], 1, since=shop.now - timedelta(days=9))
    FollowRelation.objects.update(until=shop.now, ended_by="guide")
    members.start_follows(
        rows=[
            members.FollowRow(
                CORP, shop.guides[0].pk, member.pk, external, shop.now + timedelta(minutes=5)
            )
        ],
        now=shop.now,
    )

    assert count(shop, item) == (0, State.OPEN)


def test_what_the_till_tells_late_still_counts_after_the_end(shop):
    item = quota(shop, "members", 1)
    late = item.due_at + item_services.grace() + timedelta(hours=1)
    services.expire_items(now=late)
    item.refresh_from_db()
    assert item.state == State.EXPIRED

    enrolled(shop.guides[0], item.due_at - timedelta(hours=1))
    services.count_quotas(now=late)
    item.refresh_from_db()
    assert item.state == State.DONE


def test_counting_asks_as_many_questions_for_many_items_as_for_few(shop):
    quota(shop, "members")

    def ask():
        with CaptureQueriesContext(connection) as asked:
            services.count_quotas(now=shop.now)
        return len(asked)

    few = ask()
    for _one in range(10):
        make_guide(shop.store, corp=CORP)
    quota(shop, "friends")
    assert ask() == few


# --- past its time --------------------------------------------------------------------------------


def test_past_its_grace_an_item_is_closed_and_a_photo_waits_on(shop):
    free = item_of(make_item_push(shop.now), shop.guides[0])
    waiting = handed_in(shop)
    refused = services.refuse_item(item=handed_in(shop), reason="x", actor=shop.lead, now=shop.now)
    due = free.due_at + item_services.grace()

    assert services.expire_items(now=due) == 0
    assert services.expire_items(now=due + timedelta(seconds=1)) == 3
    states = dict(TaskItem.objects.values_list("pk", "state"))
    assert states[free.pk] == State.EXPIRED
    assert states[waiting.pk] == State.TO_VERIFY
    assert states[refused.pk] == State.NOT_DONE
    assert moves_of(free) == [State.EXPIRED]
    with pytest.raises(ItemMoved):
        services.hand_in_photo(
            item=refused, raw=jpeg(), note="", actor=shop.mine, now=due + timedelta(days=1)
        )


def test_a_push_with_open_items_is_not_closed(shop):
    push = make_item_push(shop.now)
    later = push.due_at + timedelta(days=5)

    assert services.close_due(now=later) == 0
    services.expire_items(now=later)
    assert services.close_due(now=later) == 1
