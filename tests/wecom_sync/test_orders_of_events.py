"""Whatever the order in which WeCom's events about a pair arrive, and however often: one truth."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apps.core import clock
from apps.members.models import FollowRelation
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks

pytestmark = pytest.mark.django_db

ADD, HALF_ADD = "add_external_contact", "add_half_external_contact"
BY_GUIDE, BY_CUSTOMER = "del_external_contact", "del_follow_user"
ENDED_BY = {BY_GUIDE: "guide", BY_CUSTOMER: "customer"}
ROUNDS = 6  # a friend who is not listed is looked for a few times
_numbers = itertools.count(1)

# what happened to a pair: friends and strangers in turn
STORIES = st.builds(
    lambda kinds: list(itertools.chain.from_iterable(kinds)),
    st.lists(
        st.tuples(st.sampled_from([ADD, HALF_ADD]), st.sampled_from([BY_GUIDE, BY_CUSTOMER])),
        min_size=1,
        max_size=2,
    ),
)


@st.composite
def tellings(draw):
    """A story, maybe without its last end, and the order in which it is told: all, some twice."""
    story = draw(STORIES)[: -1 if draw(st.booleans()) else None]
    twice = draw(st.lists(st.sampled_from(range(len(story))), max_size=2))
    return story, draw(st.permutations([*range(len(story)), *twice]))


def play(simulator, guide, story, begin):
    """WeCom's own truth after the story: a new customer. Returns who, and each event's moment."""
    external = f"wmOrder{next(_numbers)}"
    moments = [begin + timedelta(seconds=10 * place) for place in range(len(story))]
    begun = max(at for kind, at in zip(story, moments, strict=True) if kind in (ADD, HALF_ADD))
    follow = {"userid": guide.wecom_userid, "createtime": int(begun.timestamp())}
    customer = {"external_userid": external, "name": "小雨", "follows": [follow]}
    simulator.post("/sim/seed", customers=[customer])
    if story[-1] in ENDED_BY:
        by = "guide" if story[-1] == BY_GUIDE else "customer"
        pair = {"userid": guide.wecom_userid, "external_userid": external}
        simulator.post("/sim/follows/delete", by=by, **pair)
    return external, moments


def hear(told, guide, external, events):
    """Each event by itself, then what asked to be looked at again."""
    now = clock.now()
    for number, (kind, at) in enumerate(events):
        told(kind, guide, external, at, WelcomeCode=f"{external}:{number}")
        handle_callbacks(now=now)
    for hour in range(1, ROUNDS):
        handle_callbacks(now=now + timedelta(hours=hour))
    waiting = RawCallback.objects.exclude(status__in=["done", "ignored"])
    assert not waiting.exists()


def friendship(external):
    """Since when it stands; or when and by whom it was ended last."""
    rows = list(FollowRelation.objects.filter(external_userid=external).order_by("since"))
    for earlier, later in itertools.pairwise(rows):
        assert earlier.until is not None
        assert earlier.until <= later.since
    last = rows[-1]
    return (last.since, None, "") if last.until is None else (None, last.until, last.ended_by)


# an example takes half a second: to look for the smallest one would take minutes
@settings(max_examples=12, derandomize=True, phases=[Phase.generate])
@given(telling=tellings())
def test_any_order_and_any_repeat_ends_in_the_same_friendship(guide, simulator, told, telling):
    story, order = telling
    begin = clock.now().replace(microsecond=0) - timedelta(hours=1)
    external, moments = play(simulator, guide, story, begin)
    hear(told, guide, external, [(story[place], moments[place]) for place in order])

    if story[-1] in ENDED_BY:
        expected = (None, moments[-1], ENDED_BY[story[-1]])
    else:
        expected = (moments[-1], None, "")
    assert friendship(external) == expected
