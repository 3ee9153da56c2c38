"""Tags go both ways, and whose word counts is the group's setting."""

from datetime import timedelta

import pytest
import requests
from django.core.cache import cache

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.tagging import services as tagging
from apps.tagging.models import MemberTags, Tag, TagGroup, Winner
from apps.wecom_sync.models import CorpTag, FollowTags, TagWord
from apps.wecom_sync.services import (
    handle_callbacks,
    note_tag_changes,
    push_tags,
    sync_contacts,
    sync_kind,
)
from tests.conftest import WECOM
from tests.factories import outreach as make

# the feed shows only what other transactions have committed
pytestmark = pytest.mark.django_db(transaction=True)

EDIT = "edit_external_contact"


@pytest.fixture
def friend(guide, simulator):
    ((member, external),) = make.make_friends(guide, simulator=simulator)
    member.external = external
    return member


@pytest.fixture
def app_call(simulator):
    """A call of our own app past the product."""
    secrets = {"corpid": WECOM["WECOM_CORP_ID"], "corpsecret": WECOM["WECOM_SECRET"]}

    def call(path, body):
        base = f"{simulator.url}/cgi-bin"
        token = requests.get(f"{base}/gettoken", secrets, timeout=9).json()["access_token"]
        answer = requests.post(
            f"{base}/{path}", json=body, params={"access_token": token}, timeout=9
        )
        assert answer.json()["errcode"] == 0, answer.text

    return call


def group_of(winner, *names):
    group = TagGroup.objects.create(name="偏好", wecom=winner)
    return [Tag.objects.create(group=group, name=name) for name in names]


def compare_tags(corp):
    run = sync_kind(corp=corp, kind="tags", now=clock.now())
    assert run.state == "done", run.error
    return run


def there(simulator):
    """Group → names, as WeCom lists them."""
    found = {}
    for tag in simulator.get("/sim/truth?kind=tags")["tags"]:
        found.setdefault(tag["group"], []).append(tag["name"])
    return found


def marked(simulator, friend):
    """Names of the corp tags WeCom shows on the friend."""
    names = dict(CorpTag.objects.values_list("wecom_id", "name_there"))
    (row,) = simulator.get(f"/sim/customers?q={friend.external}")["customers"]
    return sorted(names[tag] for follow in row["follows"] for tag in follow["tag_ids"])


def edit_in_wecom(simulator, told, guide, friend, *tags):
    """A guide marks the customer on the phone; WeCom tells us."""
    ids = list(CorpTag.objects.filter(tag__in=tags).values_list("wecom_id", flat=True))
    simulator.post(
        "/sim/follows/edit",
        userid=guide.wecom_userid,
        external_userid=friend.external,
        tag_ids=ids,
    )
    told(EDIT, guide, friend.external, clock.now(), n=clock.now().isoformat())
    handle_callbacks(now=clock.now())


def put_on(friend, *tags):
    tagging.apply_tags(
        member_ids=[friend.pk],
        tag_ids=[tag.pk for tag in tags],
        claim="person",
        source="test",
        actor=SYSTEM,
        at=clock.now(),
    )


def take_off(friend, *tags):
    tagging.remove_tags(
        member_ids=[friend.pk],
        tag_ids=[tag.pk for tag in tags],
        claim="person",
        source="test",
        actor=SYSTEM,
        at=clock.now(),
    )


def send(*, later=0):
    now = clock.now() + timedelta(seconds=later)
    note_tag_changes(now=now)
    return push_tags(now=now)


def here(friend):
    row = MemberTags.objects.filter(pk=friend.pk).first()
    return sorted(Tag.objects.filter(pk__in=row.tags if row else []).values_list("name", flat=True))


def words():
    return list(TagWord.objects.order_by("pk").values_list("side", "added", "outcome"))


def test_our_tags_are_made_in_wecom_once_and_marked_on_friends(guide, friend, simulator, corp):
    run_tag, _other = group_of(Winner.HQ, "跑步", "露营")

    assert compare_tags(corp).healed == 2
    assert compare_tags(corp).drift == 0
    put_on(friend, run_tag)
    assert send() == 1
    assert send() == 0

    assert marked(simulator, friend) == ["跑步"]
    assert words() == [("hq", True, "sent")]
    take_off(friend, run_tag)
    assert (send(), marked(simulator, friend)) == (1, [])


def test_a_lost_answer_makes_no_tag_twice(simulator, corp):
    group_of(Winner.HQ, "跑步")
    simulator.post(
        "/sim/faults", path="externalcontact/add_corp_tag", drop_connection=True, after_effect=True
    )

    lost = sync_kind(corp=corp, kind="tags", now=clock.now())
    healed = compare_tags(corp)

    assert (lost.state, healed.missing_here, healed.healed) == ("failed", 1, 1)
    assert CorpTag.objects.get().name_there == "跑步"


def test_a_lost_answer_to_a_mark_is_said_again(guide, friend, simulator, corp):
    (tag,) = group_of(Winner.HQ, "跑步")
    compare_tags(corp)
    put_on(friend, tag)
    simulator.post(
        "/sim/faults", path="externalcontact/mark_tag", drop_connection=True, after_effect=True
    )

    assert send() == 0
    assert send(later=120) == 1
    assert marked(simulator, friend) == ["跑步"]
    assert FollowTags.objects.get().due_at is None


def test_where_ours_count_a_guides_mark_is_put_back(guide, friend, simulator, corp, told):
    tag, other = group_of(Winner.HQ, "跑步", "露营")
    compare_tags(corp)
    put_on(friend, tag)
    send()

    edit_in_wecom(simulator, told, guide, friend, other)
    assert here(friend) == ["跑步"]
    push_tags(now=clock.now() + timedelta(seconds=1))

    assert marked(simulator, friend) == ["跑步"]
    assert words()[1:] == [
        ("wecom", False, "overruled"),
        ("wecom", True, "overruled"),
        ("hq", True, "sent"),
        ("hq", False, "sent"),
    ]


def test_where_wecom_counts_a_guides_mark_is_ours_too_and_nothing_is_sent(
    guide, friend, simulator, corp, told
):
    tag, other = group_of(Winner.WECOM, "跑步", "露营")
    TagGroup.objects.update(wecom=Winner.BOTH)
    compare_tags(corp)
    TagGroup.objects.update(wecom=Winner.WECOM)
    put_on(friend, other)

    edit_in_wecom(simulator, told, guide, friend, tag)
    assert here(friend) == ["跑步", "露营"]
    assert send() == 0
    edit_in_wecom(simulator, told, guide, friend)

    assert here(friend) == ["露营"]
    assert marked(simulator, friend) == []


def test_where_both_count_a_tag_goes_when_neither_side_holds_it(
    guide, friend, simulator, corp, told
):
    (tag,) = group_of(Winner.BOTH, "跑步")
    compare_tags(corp)
    edit_in_wecom(simulator, told, guide, friend, tag)
    assert here(friend) == ["跑步"]
    put_on(friend, tag)

    edit_in_wecom(simulator, told, guide, friend)
    assert here(friend) == ["跑步"]
    send()
    assert marked(simulator, friend) == ["跑步"]
    take_off(friend, tag)
    send()

    assert (here(friend), marked(simulator, friend)) == ([], [])


def test_a_mark_whose_event_was_lost_comes_with_the_comparison(guide, friend, simulator, corp):
    (tag,) = group_of(Winner.BOTH, "跑步")
    compare_tags(corp)
    simulator.post(
        "/sim/follows/edit",
        userid=guide.wecom_userid,
        external_userid=friend.external,
        tag_ids=[CorpTag.objects.get().wecom_id],
    )

    run = sync_contacts(corp=corp, now=clock.now())

    assert (run.differing, run.healed, here(friend)) == (1, 1, ["跑步"])
    assert sync_contacts(corp=corp, now=clock.now()).drift == 0


def test_a_member_of_two_guides_keeps_a_tag_while_one_of_them_shows_it(
    guide, friend, simulator, corp, told
):
    (tag,) = group_of(Winner.WECOM, "跑步")
    TagGroup.objects.update(wecom=Winner.BOTH)
    compare_tags(corp)
    TagGroup.objects.update(wecom=Winner.WECOM)
    colleague = make.make_posted_guide(simulator=simulator)
    make.seed(simulator, colleague, [friend.external])
    make.seed(simulator, guide, [friend.external])
    sync_contacts(corp=corp, now=clock.now())
    for one in (guide, colleague):
        edit_in_wecom(simulator, told, one, friend, tag)

    edit_in_wecom(simulator, told, colleague, friend)
    assert here(friend) == ["跑步"]
    edit_in_wecom(simulator, told, guide, friend)

    assert here(friend) == []


def test_tags_that_wecom_has_and_nobody_here_knows_are_taken_over(simulator, corp, app_call):
    app_call("externalcontact/add_corp_tag", {"group_name": "客户等级", "tag": [{"name": "重要"}]})

    said = sync_kind(corp=corp, kind="tags", now=clock.now(), dry=True)
    assert (said.missing_here, TagGroup.objects.count()) == (1, 0)
    compare_tags(corp)

    tag = Tag.objects.get()
    assert (tag.group.name, tag.name, tag.group.wecom) == ("客户等级", "重要", Winner.WECOM)


def test_a_name_changed_here_goes_to_wecom_and_one_deleted_there_is_made_again(
    guide, friend, simulator, corp, app_call
):
    (tag,) = group_of(Winner.HQ, "跑步")
    compare_tags(corp)
    put_on(friend, tag)
    send()
    Tag.objects.update(name="跑步达人")
    assert compare_tags(corp).differing == 1
    assert there(simulator) == {"偏好": ["跑步达人"]}

    app_call("externalcontact/del_corp_tag", {"tag_id": [CorpTag.objects.get().wecom_id]})
    compare_tags(corp)
    push_tags(now=clock.now() + timedelta(seconds=1))

    assert there(simulator) == {"偏好": ["跑步达人"]}
    assert marked(simulator, friend) == ["跑步达人"]


def test_a_storm_of_too_many_calls_delays_marks_and_loses_none(guide, simulator, corp):
    (tag,) = group_of(Winner.HQ, "跑步")
    compare_tags(corp)
    friends = make.make_friends(guide, 5, simulator=simulator)
    for member, external in friends:
        member.external = external
        put_on(member, tag)
    simulator.post("/sim/faults", path="externalcontact/mark_tag", errcode=45009, times=1)

    assert send() == 0
    FollowTags.objects.update(due_at=clock.now())
    cache.clear()  # the pause that WeCom asked for is over
    assert send() == 5

    assert all(marked(simulator, member) == ["跑步"] for member, _external in friends)
    assert len(simulator.calls("externalcontact/mark_tag")) == 6
