import pytest
from django.http import QueryDict
from django.urls import reverse

from apps.hq import builder
from apps.segments.models import Segment, SegmentVersion
from tests.factories.tasks import members_of


def post(**fields):
    data = QueryDict(mutable=True)
    for name, value in fields.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def form(*nodes, **fields):
    return post(node=list(nodes), **fields)


def test_lines_become_a_tree_with_typed_values():
    tree = builder.parse(
        form(
            "l:0", "l:1", "g:2", "l:2.0", "l:2.1",
            **{
                "op:": "and", "op:2": "or",
                "f:0": "stage", "was:0": "stage", "o:0": "in", "v:0": ["silent", "lost"],
                "f:1": "net_fen", "was:1": "net_fen", "o:1": "gte", "v:1": "500",
                "f:2.0": "last_order_days", "was:2.0": "last_order_days", "o:2.0": "between",
                "v:2.0": "30", "w:2.0": "90",
                "f:2.1": "is_friend", "was:2.1": "is_friend", "o:2.1": "is", "v:2.1": "no",
            },
        )
    )  # fmt: skip

    assert tree == {
        "op": "and",
        "items": [
            {"field": "stage", "operator": "in", "value": ["silent", "lost"]},
            {"field": "net_fen", "operator": "gte", "value": 50_000},
            {
                "op": "or",
                "items": [
                    {"field": "last_order_days", "operator": "between", "value": [30, 90]},
                    {"field": "is_friend", "operator": "is", "value": False},
                ],
            },
        ],
    }
    assert builder.is_complete(tree)


def test_another_field_starts_with_an_empty_value():
    tree = builder.parse(
        form("l:0", **{"f:0": "net_fen", "was:0": "stage", "o:0": "in", "v:0": ["silent"]})
    )

    assert tree["items"] == [{"field": "net_fen", "operator": "gte", "value": None}]
    assert not builder.is_complete(tree)


@pytest.mark.parametrize(
    "nodes",
    [["l:0.0"], ["x"], ["l:"], ["g:0", "l:5.1"], ["l:0"] * 300],
)
def test_a_mangled_form_gives_a_tree_all_the_same(nodes):
    tree = builder.parse(form(*nodes))

    assert tree["op"] == "and"
    assert len(tree["items"]) <= 120


def test_buttons_add_and_remove():
    tree = builder.change(builder.EVERYBODY, "add:")
    tree = builder.change(tree, "group:")
    tree = builder.change(tree, "add:1")
    tree = builder.change(tree, "not:")

    assert [item.get("op", "line") for item in tree["items"]] == ["line", "or", "not"]
    assert len(tree["items"][1]["items"]) == 2

    tree = builder.change(tree, "remove:0")
    tree = builder.change(tree, "remove:0.1")

    assert [item["op"] for item in tree["items"]] == ["or", "not"]
    assert len(tree["items"][0]["items"]) == 1


@pytest.mark.parametrize("do", ["remove:9", "add:7.7", "nonsense", "remove:", "group:x"])
def test_a_button_that_is_none_changes_nothing(do):
    tree = builder.change(builder.EVERYBODY, "add:")

    assert builder.change(tree, do) == tree


RULE = {
    "node": ["l:0"],
    "op:": "and",
    "f:0": "is_friend",
    "was:0": "is_friend",
    "o:0": "is",
    "v:0": "yes",
}


def test_page_counts_whom_the_rule_finds_and_who_can_be_reached(operator_client, team):
    page = operator_client.post(reverse("hq:segment_count"), RULE)

    reach = page.context["reach"]
    assert (reach.planned, reach.reachable, reach.guides) == (6, 6, 2)
    assert page.context["rule"].lines[0].count == 6
    assert "林晓雯" not in page.content.decode()


def test_numbers_open_the_people_behind_them(operator_client, team):
    page = operator_client.post(reverse("hq:segment_who", args=["free"]), RULE)

    assert {row.card.member_id for row in page.context["rows"]} == {
        member.pk for member in members_of(team)
    }


def test_a_segment_is_saved_and_changed_in_versions(operator_client, team):
    operator_client.post(reverse("hq:segment_new"), {**RULE, "name": "好友", "save": "1"})
    segment = Segment.objects.get()
    url = reverse("hq:segment", args=[segment.pk])

    operator_client.post(url, {**RULE, "name": "好友", "save": "1"})
    operator_client.post(url, {**RULE, "v:0": "no", "name": "非好友", "save": "1"})

    segment.refresh_from_db()
    assert segment.name == "非好友"
    assert list(SegmentVersion.objects.values_list("number", flat=True)) == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        {**RULE, "name": ""},
        {**RULE, "name": "长" * 81},
        {**RULE, "name": "x", "v:0": "yes", "f:0": "stage", "was:0": "stage", "o:0": "in"},
    ],
)
def test_what_cannot_be_saved_says_why(operator_client, team, data):
    if data["name"] == "x":
        data = {key: value for key, value in data.items() if key != "v:0"}

    page = operator_client.post(reverse("hq:segment_new"), {**data, "save": "1"})

    assert page.context["problem"]
    assert not Segment.objects.exists()


def test_two_segments_do_not_share_a_name(operator_client, team):
    operator_client.post(reverse("hq:segment_new"), {**RULE, "name": "好友", "save": "1"})

    page = operator_client.post(reverse("hq:segment_new"), {**RULE, "name": "好友", "save": "1"})

    assert page.context["problem"]
    assert SegmentVersion.objects.count() == 1
