from datetime import timedelta

import pytest
from django.db import connection
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members import services as members
from apps.members.models import Consent, FollowRelation, Interaction, Member, ServingPeriod
from apps.outreach import policy
from apps.outreach.models import ContactBudget
from apps.outreach.policy import Refusal
from apps.stores.models import Posting, Store
from tests.factories import outreach as make
from tests.factories.facts import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def guide():
    return make.make_posted_guide()


def reach_of(member_ids, marketing=True, recent_days=14, now=None, by_profile=False):
    return policy.reach_select(
        members_sql="SELECT unnest(%s::bigint[])",
        members_params=[list(member_ids)],
        now=now or clock.now(),
        marketing=marketing,
        recent_days=recent_days,
        by_profile=by_profile,
    )


def reach(*member_ids, **terms):
    sql, params = reach_of(member_ids, **terms)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def refusal_of(member, **terms):
    ((_member, _guide, _store, _external, refusal),) = reach(member.pk, **terms)
    return refusal


def stop(member):
    members.stop_contact(member_id=member.pk, source="test", now=clock.now(), actor=SYSTEM)


def use_up(member):
    month = policy.month_of(clock.now())
    ContactBudget.objects.create(member=member, month=month, used=policy.monthly_cap(clock.now()))


def talk(member, guide, days_ago=3):
    Interaction.objects.create(
        member=member,
        guide=guide,
        kind="message",
        occurred_at=clock.now() - timedelta(days=days_ago),
        source=f"talk:{member.pk}",
    )


def open_chat(member, guide, hours_ago=1):
    Interaction.objects.create(
        member=member,
        guide=guide,
        kind="chat_opened",
        occurred_at=clock.now() - timedelta(hours=hours_ago),
        source=f"chat:{member.pk}:{guide.pk}",
    )


def test_a_reachable_member_comes_with_guide_store_and_friend_id(guide):
    ((member, external),) = make.make_friends(guide)

    store_id = Posting.objects.get(guide=guide).store_id
    assert reach(member.pk) == [(member.pk, guide.pk, store_id, external, "")]


def test_each_reason_is_found(guide):
    friends = [member for member, _external in make.make_friends(guide, 6)]
    stopped, ended, recent, full, unserved, erased = friends
    (silent, _ext), *_rest = make.make_friends(guide, consent=False)
    stop(stopped)
    FollowRelation.objects.filter(member=ended).update(until=clock.now(), ended_by="customer")
    talk(recent, guide)
    use_up(full)
    ServingPeriod.objects.filter(member=unserved).delete()
    Member.objects.filter(pk=erased.pk).update(erased_at=clock.now())

    assert refusal_of(stopped) == Refusal.STOPPED
    assert refusal_of(silent) == Refusal.NO_CONSENT
    assert refusal_of(silent, marketing=False) == ""
    assert refusal_of(ended) == Refusal.NOT_FRIEND
    assert refusal_of(recent) == Refusal.RECENTLY_CONTACTED
    assert refusal_of(recent, recent_days=None) == ""
    assert refusal_of(full) == Refusal.BUDGET
    assert refusal_of(unserved) == Refusal.NO_GUIDE
    assert refusal_of(erased) == Refusal.NO_PERSON


def test_a_guide_who_left_or_is_posted_nowhere_is_off(guide):
    ((member, _external),) = make.make_friends(guide)
    today = clock.business_day(clock.now())
    Posting.objects.filter(guide=guide).update(during=DateRange(today - timedelta(9), today))

    assert refusal_of(member) == Refusal.GUIDE_OFF


def test_the_first_reason_in_the_written_order_wins(guide):
    """One member with every reason; take them away one by one and the next one shows."""
    ((member, _external),) = make.make_friends(guide, consent=False)
    stop(member)
    FollowRelation.objects.filter(member=member).update(until=clock.now(), ended_by="customer")
    agreed = {"member_id": member.pk, "text_version": "v1", "given_at": clock.now()}
    members.give_consent(purpose="profiling", channel="pos", **agreed)
    members.withdraw_consent(
        member_id=member.pk, purpose="profiling", channel="pos", now=clock.now()
    )
    talk(member, guide)
    open_chat(member, make.make_posted_guide())
    use_up(member)
    ServingPeriod.objects.filter(member=member).delete()
    Member.objects.filter(pk=member.pk).update(erased_at=clock.now())
    cures = [
        lambda: members.lift_stop(
            member_id=member.pk, source="test", now=clock.now(), actor=SYSTEM
        ),
        lambda: members.give_consent(purpose="wecom_marketing", channel="pos", **agreed),
        lambda: members.give_consent(
            purpose="profiling", channel="pos", **agreed | {"given_at": clock.now()}
        ),
        lambda: FollowRelation.objects.filter(member=member).update(until=None, ended_by=""),
        lambda: Interaction.objects.filter(kind="message").delete(),
        lambda: Interaction.objects.all().delete(),
        lambda: ContactBudget.objects.all().delete(),
        lambda: members.set_serving_guide(
            pairs=[(member.pk, guide.pk, Posting.objects.get(guide=guide).store_id)],
            reason="test",
            now=clock.now(),
            actor=SYSTEM,
        ),
    ]
    seen = []

    for cure in cures:
        seen.append(refusal_of(member, by_profile=True))
        cure()
    Posting.objects.filter(guide=guide).delete()
    seen.append(refusal_of(member, by_profile=True))
    Posting.objects.create(
        guide=guide,
        store_id=ServingPeriod.objects.get(member=member).store_id,
        during=DateRange(clock.today(), None),
    )
    seen.append(refusal_of(member, by_profile=True))

    # complaints and plans are asked at the hand-out, by the room that knows them; nobody without a
    # guide belongs to a store that waits
    elsewhere = (Refusal.COMPLAINT, Refusal.OTHER_PLAN, Refusal.NOT_LIVE)
    assert seen == [reason.value for reason in Refusal if reason not in elsewhere]


def test_a_store_that_is_not_live_comes_after_what_the_member_decided_and_before_the_rest(guide):
    ((member, _external),) = make.make_friends(guide, consent=False)
    talk(member, guide)
    Store.objects.update(live_since=None)
    seen = [refusal_of(member), refusal_of(member, marketing=False)]
    stop(member)
    seen.append(refusal_of(member))
    Store.objects.update(live_since=clock.now())
    members.lift_stop(member_id=member.pk, source="test", now=clock.now(), actor=SYSTEM)
    seen.append(refusal_of(member, marketing=False))

    assert seen == ["no_consent", "not_live", "stopped", "recently_contacted"]


def test_a_tap_of_a_guide_whose_store_is_not_live_is_refused_without_a_question_more(
    guide, django_assert_num_queries
):
    ((member, _external),) = make.make_friends(guide)
    asked = {"member_id": member.pk, "guide_id": guide.pk, "now": clock.now(), "marketing": False}
    with django_assert_num_queries(1):
        assert policy.check_one(**asked) is None
    Store.objects.update(live_since=None)

    with django_assert_num_queries(1):
        assert policy.check_one(**asked) == Refusal.NOT_LIVE


def test_where_every_store_is_live_the_count_reads_no_store():
    sql, _params = policy.reach_select(
        members_sql="SELECT 1", members_params=[], now=clock.now(), marketing=True
    )

    assert "not_live" not in sql


@pytest.mark.parametrize(
    ("mine", "hours_ago", "marketing", "refused"),
    [
        (False, 1, True, "colleague"),
        (True, 1, True, ""),
        (False, 25, True, ""),
        (False, 1, False, ""),
    ],
)
def test_for_many_at_once_a_colleagues_contact_counts_as_it_does_at_the_tap(
    guide, mine, hours_ago, marketing, refused
):
    ((member, _external),) = make.make_friends(guide)
    open_chat(member, guide if mine else make.make_posted_guide(), hours_ago)

    assert refusal_of(member, marketing=marketing, recent_days=None) == refused
    one = policy.check_one(
        member_id=member.pk, guide_id=guide.pk, now=clock.now(), marketing=marketing
    )
    assert (one or "") == refused


def test_for_many_at_once_a_colleagues_send_on_its_way_counts(guide):
    (friend, other) = make.make_friends(guide, 2)
    make.request_send(make.make_posted_guide(), [friend])
    make.request_send(guide, [other])

    found = {row[0]: row[4] for row in reach(friend[0].pk, other[0].pk)}

    assert found == {friend[0].pk: "colleague", other[0].pk: ""}


def test_for_many_at_once_the_block_can_be_switched_off(guide, settings):
    settings.CONTACT_BLOCK_HOURS = 0
    ((member, _external),) = make.make_friends(guide)
    open_chat(member, make.make_posted_guide())

    assert refusal_of(member) == ""


def test_one_row_per_member_even_when_merged_or_befriended_twice(guide):
    (member, first), (absorbed, _second) = make.make_friends(guide, 2)
    Member.objects.filter(pk=absorbed.pk).update(survivor_id=member.pk)
    stop(absorbed)

    rows = reach(member.pk, member.pk, 4_000_000_000)

    assert sorted(row[0] for row in rows) == [member.pk, 4_000_000_000]
    assert {row[0]: row[4] for row in rows}[member.pk] == Refusal.STOPPED


def test_what_any_number_of_a_person_said_about_profiling_counts_for_the_person(guide):
    (member, _first), (absorbed, _second) = make.make_friends(guide, 2)
    Member.objects.filter(pk=absorbed.pk).update(survivor_id=member.pk)
    agreed = {"text_version": "v1", "given_at": clock.now()}
    members.give_consent(member_id=absorbed.pk, purpose="membership", channel="join_page", **agreed)

    assert refusal_of(member, by_profile=True) == Refusal.NO_PROFILING
    assert refusal_of(member) == ""
    members.give_consent(member_id=member.pk, purpose="profiling", channel="pos", **agreed)
    assert refusal_of(member, by_profile=True) == ""


def test_asking_about_one_does_not_read_the_consents_of_the_chain(guide):
    everybody = [member for member, _external in make.make_friends(guide, 400)]
    given = {"text_version": "v1", "channel": "join_page", "given_at": clock.now()}
    Consent.objects.bulk_create(
        Consent(member=member, purpose=purpose, **given)
        for member in everybody
        for purpose in ("membership", "sms_marketing", "birthday", "profiling")
    )
    sql, params = reach_of([everybody[0].pk], by_profile=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE members_member, members_consent")
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Seq Scan on members_consent" not in plan


def test_a_second_friendship_with_the_same_guide_is_the_same_row(guide):
    ((member, external),) = make.make_friends(guide)
    again = FollowRelation.objects.get(external_userid=external)
    again.pk, again.external_userid = None, f"{external}x"
    again.save(force_insert=True)

    assert [(row[0], row[3], row[4]) for row in reach(member.pk)] == [(member.pk, external, "")]


def test_a_stranger_is_not_a_friend():
    member = make_member()

    assert refusal_of(member, marketing=False) == Refusal.NOT_FRIEND


def test_the_tap_asks_about_this_guide_and_not_about_recent_contact(guide):
    ((member, _external),) = make.make_friends(guide)
    other = make.make_posted_guide()
    talk(member, guide)
    terms = {"member_id": member.pk, "now": clock.now(), "marketing": True}

    assert policy.check_one(guide_id=guide.pk, **terms) is None
    assert policy.check_one(guide_id=other.pk, **terms) is Refusal.NOT_FRIEND


def test_a_member_merged_away_is_asked_about_as_the_survivor(guide):
    (member, _first), (absorbed, _second) = make.make_friends(guide, 2)
    Member.objects.filter(pk=absorbed.pk).update(survivor_id=member.pk)
    stop(member)

    found = policy.check_many(
        member_ids=[absorbed.pk], guide_id=guide.pk, now=clock.now(), marketing=True
    )

    assert found == {absorbed.pk: Refusal.STOPPED}


def test_the_cap_is_the_months_days_unless_set(settings, moment):
    assert policy.monthly_cap(moment) == 31
    settings.WECOM_MONTHLY_CAP = 4
    assert policy.monthly_cap(moment) == 4


def test_sentences_speak_chinese():
    assert policy.sentence("stopped") == "客户要求不再联系"
    assert policy.sentence("recently_contacted", recent_days=14) == "14 天内已联系过"
