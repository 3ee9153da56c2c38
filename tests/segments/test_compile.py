import random
from datetime import date, timedelta

import pytest
from django.db import connection

from apps.accounts.actor import NOBODY, SYSTEM
from apps.members import services as members
from apps.members.models import Member
from apps.profiles.models import MemberProfile
from apps.segments import selectors, services
from apps.segments.catalogue import FIELDS
from apps.segments.compile import compile_definition
from apps.segments.errors import SegmentError
from apps.tagging.models import MemberTags, Tag, TagGroup
from tests.factories.facts import NOW, make_members, make_store

pytestmark = [pytest.mark.django_db, pytest.mark.service]


def found(definition, now):
    compiled = compile_definition(definition, now=now)
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        return {row[0] for row in cursor.fetchall()}


def leaf(field, operator, value):
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture
def chain(moment):
    """Forty members with everything a condition may ask for, at random."""
    dice = random.Random(7)
    stores = [make_store(region=region) for region in ("east", "south")]
    group = TagGroup.objects.create(name="偏好")
    tags = [Tag.objects.create(group=group, name=name) for name in ("舒适", "宽脚", "送礼")]
    today = moment.date()
    people = {}
    for member in make_members(40):
        facts = {
            "store": dice.choice(stores),
            "tags": sorted(dice.sample([tag.pk for tag in tags], dice.randint(0, 3))),
            "days": dice.choice([None, 10, 89, 90, 91, 400]),
            "net": dice.choice([0, 49_999, 50_000, 120_000]),
            "stage": dice.choice(["prospect", "active", "silent", "lost"]),
            "consent": dice.random() < 0.5,
            "stopped": dice.random() < 0.2,
            "gender": dice.choice(["", "f", "m"]),
        }
        people[member.pk] = facts
        Member.objects.filter(pk=member.pk).update(
            home_store=facts["store"], gender=facts["gender"]
        )
        MemberTags.objects.create(member_id=member.pk, tags=facts["tags"])
        last = today - timedelta(days=facts["days"]) if facts["days"] is not None else None
        MemberProfile.objects.create(
            member_id=member.pk, stage=facts["stage"], net_fen=facts["net"], last_order_on=last
        )
        if facts["consent"]:
            members.give_consent(
                member_id=member.pk, purpose="wecom_marketing", text_version="1", channel="pos",
                given_at=NOW,
            )  # fmt: skip
        if facts["stopped"]:
            members.stop_contact(member_id=member.pk, source="test", now=NOW, actor=SYSTEM)
    return people, stores, tags


# what a condition says about one person: its value and operator, what is known of TA
OBVIOUS = {
    "stage": lambda value, operator, own: (own["stage"] in value) == (operator == "in"),
    "last_order_days": lambda value, operator, own: (
        own["days"] is not None
        and (own["days"] >= value if operator == "gte" else own["days"] <= value)
    ),
    "net_fen": lambda value, operator, own: (
        value[0] <= own["net"] <= value[1] if operator == "between" else own["net"] >= value
    ),
    "tag": lambda value, operator, own: {
        "any": bool(set(own["tags"]) & set(value)),
        "all": set(value) <= set(own["tags"]),
        "none": not set(own["tags"]) & set(value),
    }[operator],
    "region": lambda value, operator, own: (own["store"].region_id in value) == (operator == "in"),
    "has_consent": lambda value, operator, own: own["consent"] == value,
    "is_stopped": lambda value, operator, own: own["stopped"] == value,
    "gender": lambda value, operator, own: (own["gender"] in value) == (operator == "in"),
}


def slow(node, facts):
    """The obvious evaluator: what a tree says about one person."""
    if "op" not in node:
        return OBVIOUS[node["field"]](node["value"], node["operator"], facts)
    inner = [slow(item, facts) for item in node["items"]]
    if not inner:
        return True
    return {"and": all(inner), "or": any(inner), "not": not any(inner)}[node["op"]]


def random_tree(dice, stores, tags, depth=0):
    if depth < 3 and dice.random() < 0.45:
        items = [random_tree(dice, stores, tags, depth + 1) for _one in range(dice.randint(0, 3))]
        return {"op": dice.choice(["and", "or", "not"]), "items": items}
    ids = [tag.pk for tag in tags]
    return dice.choice(
        [
            leaf("stage", dice.choice(["in", "not_in"]), dice.sample(["active", "silent"], 1)),
            leaf("last_order_days", dice.choice(["gte", "lte"]), dice.choice([0, 90, 365])),
            leaf("net_fen", "between", [1, 60_000]),
            leaf("net_fen", "gte", 50_000),
            leaf("tag", dice.choice(["any", "all", "none"]), dice.sample(ids, dice.randint(1, 2))),
            leaf("region", dice.choice(["in", "not_in"]), [stores[0].region_id]),
            leaf("has_consent", "is", dice.random() < 0.5),
            leaf("is_stopped", "is", dice.random() < 0.5),
            leaf("gender", "in", ["f"]),
        ]
    )


@pytest.mark.slow
def test_random_trees_select_whom_the_obvious_evaluator_selects(chain, moment):
    people, stores, tags = chain
    dice = random.Random(20260318)

    for _one in range(150):
        tree = random_tree(dice, stores, tags)
        expected = {pk for pk, facts in people.items() if slow(tree, facts)}

        assert found(tree, moment) == expected, tree


def test_days_are_calendar_days_of_the_chain(chain, moment):
    people, _stores, _tags = chain
    late = moment.replace(hour=23, minute=59)

    for now in (moment, late):
        assert found(leaf("last_order_days", "gte", 90), now) == {
            pk for pk, facts in people.items() if facts["days"] in (90, 91, 400)
        }


def test_bounds_are_fixed_dates_kept_with_the_run(chain, moment):
    version = services.save_segment(
        name="沉默", definition=leaf("last_order_days", "gte", 90), actor=SYSTEM
    )

    run = services.run_segment(version=version, now=moment, cause="test")

    assert run.bounds["today"] == "2026-03-18"
    assert run.bounds["0"]["until"] == (date(2026, 3, 18) - timedelta(days=90)).isoformat()
    assert set(selectors.member_ids(run)) == found(version.definition, moment)
    assert run.member_count == len(selectors.member_ids(run))


def test_a_run_is_frozen_while_members_change(chain, moment):
    version = services.save_segment(
        name="沉默", definition=leaf("stage", "in", ["silent"]), actor=SYSTEM
    )
    run = services.run_segment(version=version, now=moment, cause="test")
    before = selectors.member_ids(run)

    MemberProfile.objects.update(stage="active")

    run.refresh_from_db()
    assert selectors.member_ids(run) == before
    assert selectors.count(version.definition, moment) == 0


def test_absorbed_and_erased_members_are_nobody(chain, moment):
    people = list(chain[0])
    Member.objects.filter(pk=people[0]).update(survivor_id=people[1])
    Member.objects.filter(pk=people[2]).update(erased_at=moment)

    everybody = found({"op": "and", "items": []}, moment)

    assert everybody == set(people) - {people[0], people[2]}


@pytest.mark.parametrize(
    "definition",
    [
        None,
        [],
        "stage",
        {},
        {"op": "xor", "items": []},
        {"op": "and", "items": {}},
        leaf("password", "in", ["x"]),
        leaf("stage; DROP TABLE members_member", "in", ["x"]),
        leaf("stage", "like", "%"),
        leaf("stage", "in", "silent"),
        leaf("stage", "in", ["silly"]),
        leaf("stage", "in", []),
        leaf("net_fen", "gte", "1 OR 1=1"),
        leaf("net_fen", "gte", -1),
        leaf("net_fen", "gte", True),
        leaf("net_fen", "gte", 10**30),
        leaf("net_fen", "between", [1]),
        leaf("last_order_days", "gte", 10**9),
        leaf("tag", "any", ["1"]),
        leaf("tag", "any", [2**40]),
        leaf("is_friend", "is", 1),
        leaf("level", "in", ["a\x00"]),
        {"field": "stage", "operator": "in"},
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(definition, moment):
    with pytest.raises(SegmentError) as refusal:
        compile_definition(definition, now=moment)

    assert str(refusal.value)


def test_a_tree_too_deep_or_too_wide_is_refused(moment):
    deep = leaf("is_friend", "is", True)
    for _level in range(20):
        deep = {"op": "and", "items": [deep]}
    wide = {"op": "or", "items": [leaf("is_friend", "is", True)] * 200}

    for tree in (deep, wide):
        with pytest.raises(SegmentError):
            compile_definition(tree, now=moment)


def test_values_are_bound_never_written_into_the_statement(moment):
    compiled = compile_definition(leaf("level", "in", ["'; DROP TABLE x --"]), now=moment)

    assert "DROP" not in compiled.sql
    assert compiled.params == [["'; DROP TABLE x --"]]


def test_each_line_shows_how_many_are_left_after_it(chain, moment, django_assert_num_queries):
    _people, stores, tags = chain
    lines = [
        leaf("region", "in", [stores[0].region_id]),
        {
            "op": "or",
            "items": [leaf("net_fen", "gte", 50_000), leaf("tag", "any", [tags[0].pk])],
        },
        leaf("stage", "in", ["silent", "active"]),
    ]

    with django_assert_num_queries(1):
        counts = selectors.running_counts({"op": "and", "items": lines}, moment)

    for place in range(3):
        prefix = {"op": "and", "items": lines[: place + 1]}
        assert counts[str(place)] == selectors.count(prefix, moment)
    inner = {"op": "and", "items": [lines[0], lines[1]["items"][0]]}
    assert counts["1.0"] == selectors.count(inner, moment)
    assert counts["1.1"] == counts["1"]


def test_a_rule_reads_as_a_sentence(chain, moment):
    _people, stores, tags = chain
    tree = {
        "op": "and",
        "items": [
            leaf("region", "in", [stores[0].region_id]),
            leaf("net_fen", "gte", 50_000),
            {
                "op": "or",
                "items": [leaf("tag", "any", [tags[0].pk]), leaf("is_friend", "is", False)],
            },
        ],
    }

    sentence = selectors.explain(tree)

    assert stores[0].region.name in sentence
    assert "¥500.00" in sentence
    assert "舒适" in sentence


def test_a_sample_is_masked_and_inside_the_actors_scope(chain, moment):
    everybody = {"op": "and", "items": []}

    rows = selectors.sample(everybody, SYSTEM, 3, moment)

    assert len(rows) == 3
    assert all(row.name == "林*雯" and "****" in row.phone for row in rows)
    assert selectors.sample(everybody, NOBODY, 3, moment) == []


def test_a_sample_costs_the_same_queries_at_any_size(chain, moment, django_assert_num_queries):
    everybody = {"op": "and", "items": []}

    for size in (2, 20):
        with django_assert_num_queries(6):
            assert len(selectors.sample(everybody, SYSTEM, size, moment)) == size


def test_saving_the_same_tree_again_makes_no_version(moment):
    tree = leaf("stage", "in", ["silent"])
    first = services.save_segment(name="沉默", definition=tree, actor=SYSTEM)

    same = services.save_segment(name="沉默", definition=tree, actor=SYSTEM)
    other = services.save_segment(
        name="沉默", definition=leaf("stage", "in", ["lost"]), actor=SYSTEM
    )

    assert same.pk == first.pk
    assert (other.segment_id, other.number) == (first.segment_id, 2)


@pytest.mark.parametrize("field", ["note", "notes", "remark", "fact"])
def test_what_guides_wrote_is_no_condition(moment, field):
    """Free words may speak of illness or a child on its way: nobody is chosen by them."""
    definition = {"op": "and", "items": [leaf(field, "contains", "怀孕")]}

    with pytest.raises(SegmentError):
        compile_definition(definition, now=moment)

    read = " ".join(str(field.sql) for field in FIELDS.values())
    assert not [word for word in ("membernote", "confirmedfact", "body_enc") if word in read]
