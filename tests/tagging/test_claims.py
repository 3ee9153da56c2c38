"""A tag stays while anybody claims it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.actor import SYSTEM, Actor
from apps.tagging import selectors, services
from apps.tagging.models import MemberTags, Tag, TagChange, TagGroup
from apps.timeline.models import MemberEvent
from tests.factories.facts import NOW, make_member, make_members

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def tags(db):
    group = TagGroup.objects.create(name="喜好")
    return [Tag.objects.create(group=group, name=name) for name in ("跑步", "通勤", "亲子")]


def put(member, tag, claim="person", source="guide:1", at=NOW, **more):
    return services.apply_tags(
        member_ids=[member.pk], tag_ids=[tag.pk], claim=claim, source=source, actor=SYSTEM, at=at,
        **more,
    )  # fmt: skip


def take(member, tag, claim="person", source="guide:1", at=NOW + HOUR):
    return services.remove_tags(
        member_ids=[member.pk], tag_ids=[tag.pk], claim=claim, source=source, actor=SYSTEM, at=at
    )


def names_of(member):
    return [tag.name for tag in selectors.tags_of([member.pk]).get(member.pk, [])]


def test_a_tag_of_a_person_and_a_rule_stays_until_both_let_go(tags):
    member = make_member()
    assert put(member, tags[0]) == 1
    assert put(member, tags[0], claim="rule", source="rule:7") == 0

    assert take(member, tags[0]) == 0
    assert names_of(member) == ["跑步"]

    assert take(member, tags[0], claim="rule", source="rule:7") == 1
    assert names_of(member) == []


def test_a_repeated_claim_adds_nothing_to_the_log_or_the_story(tags):
    member = make_member()

    for _again in range(3):
        put(member, tags[0])

    assert TagChange.objects.count() == 1
    assert MemberEvent.objects.filter(kind="tag.added").count() == 1


def test_a_colleague_may_take_off_what_a_guide_put_on(tags):
    member = make_member()
    put(member, tags[0], source="guide:1")

    assert take(member, tags[0], source="guide:2") == 1
    assert take(member, tags[0], source="guide:2") == 0
    assert put(member, tags[0], source="guide:2", at=NOW + 2 * HOUR) == 1


def test_an_expired_claim_gives_its_tag_up(tags):
    member = make_member()
    put(member, tags[0], claim="push", source="push:1", expires_at=NOW + HOUR)
    put(member, tags[1], claim="push", source="push:1", expires_at=NOW + HOUR)
    put(member, tags[1])

    assert services.expire_tags(now=NOW) == 0
    assert services.expire_tags(now=NOW + HOUR) == 1
    assert names_of(member) == ["通勤"]
    assert services.expire_tags(now=NOW + 2 * HOUR) == 0


def test_retired_and_unknown_tags_are_refused(tags):
    member = make_member()
    Tag.objects.filter(pk=tags[0].pk).update(retired_at=NOW)

    with pytest.raises(services.UnknownTag):
        put(member, tags[0])
    with pytest.raises(services.UnknownClaim):
        put(member, tags[1], claim="magic")


def test_a_guide_sees_only_tags_of_members_in_scope(tags):
    put(make_member(), tags[0])

    assert MemberTags.objects.visible_to(Actor(guide_id=1)).count() == 0
    assert MemberTags.objects.visible_to(SYSTEM).count() == 1


def test_many_members_cost_the_queries_of_one(tags):
    def queries(count):
        ids = [member.pk for member in make_members(count)]
        with CaptureQueriesContext(connection) as found:
            services.apply_tags(
                member_ids=ids, tag_ids=[tags[0].pk], claim="push", source="push:1", actor=SYSTEM,
                at=NOW,
            )  # fmt: skip
            selectors.tags_of(ids)
        return len(found)

    queries(1)
    assert queries(2) == queries(200)


_step = st.tuples(
    st.booleans(), st.integers(0, 2), st.integers(0, 2),
    st.sampled_from([("person", "guide:1"), ("person", "guide:2"), ("rule", "rule:1")]),
)  # fmt: skip


@pytest.mark.slow
@given(steps=st.lists(_step, max_size=12))
def test_rows_always_say_what_the_claims_say(steps):
    group, _made = TagGroup.objects.get_or_create(name="随机")
    tags = [Tag.objects.get_or_create(group=group, name=str(n))[0] for n in range(3)]
    members = make_members(3)
    standing = set()

    for number, (adding, who, what, (claim, source)) in enumerate(steps):
        key = (who, what, claim, "" if claim == "person" else source)
        at = NOW + timedelta(minutes=number)
        (put if adding else take)(members[who], tags[what], claim, source, at)
        (standing.add if adding else standing.discard)(key)

    wanted = {
        member.pk: sorted({tags[what].pk for who, what, *_claim in standing if who == number})
        for number, member in enumerate(members)
    }
    ids = [member.pk for member in members]
    rows = dict(MemberTags.objects.filter(pk__in=ids).values_list("pk", "tags"))
    assert {pk: rows.get(pk, []) for pk in ids} == wanted
    claimed = selectors.tags_claimed(member_ids=ids, tag_ids=[tag.pk for tag in tags])
    assert {pk: claimed.get(pk, []) for pk in ids} == wanted


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_claims_at_once_both_stand():
    group = TagGroup.objects.create(name="喜好")
    found = [Tag.objects.create(group=group, name=name) for name in "ab"]
    member, barrier = make_member(), threading.Barrier(2)

    def work(tag):
        barrier.wait()
        try:
            put(member, tag, claim="rule", source="rule:1")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(tag,)) for tag in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert names_of(member) == ["a", "b"]
