"""Cards and rows are drawn once for what they show, and anew as soon as it is something else."""

from dataclasses import replace

import pytest
from django.template import Context, Template
from django.utils import translation

from apps.guide_portal.cards import Card, Chip, Person

CARD = Card(
    target_id=7,
    task_id=3,
    person=Person(pk=1, public_id="0193-a", name="王芳", title="女士"),
    chip=Chip("ring", "待联系"),
    push_title="新品",
    why="<b>生日</b>",
    due=Chip("clock", "今天 20:00 前"),
)
_LIST = Template('{% include "guide_portal/partials/_cards.html" %}')


def drawn(*cards: Card) -> str:
    return _LIST.render(Context({"cards": cards}))


@pytest.mark.parametrize(
    "change",
    [
        {"due": Chip("clock", "逾期", "late")},
        {"why": "好久没来"},
        {"contacted": "今天已有同事联系过"},
        {"person": Person(pk=1, public_id="0193-a", name="王芳", title="先生")},
        {"also": 2},
    ],
)
def test_a_card_that_changed_is_drawn_anew(change):
    before = drawn(CARD)
    assert drawn(CARD) == before
    assert drawn(replace(CARD, **change)) != before
    assert drawn(CARD) == before


def test_only_the_first_card_has_the_solid_button_and_what_people_wrote_stays_text():
    both = drawn(CARD, CARD)
    assert both.count("btn solid") == 1
    assert both.index("btn solid") < both.rindex('class="btn"')
    assert "<b>生日</b>" not in both


def test_a_card_is_in_the_language_of_the_moment():
    with translation.override("en"):
        english = drawn(CARD)
    assert english != drawn(CARD)
