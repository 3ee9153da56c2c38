from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.guide_tasks.models import ExcuseReason, Grade, State, TaskPush, TaskTarget
from apps.stores.models import Region, ScopeGrant
from tests.factories.facts import make_store
from tests.factories.tasks import deliver, hand_out, make_team, members_of, tap, target_of
from tests.hq.conftest import make_user, signed_in


@pytest.fixture
def push(team, fixed_clock):
    found = hand_out(members_of(team), fixed_clock, title="秋冬回访")
    deliver(target_of(found, team[0][1][0]), fixed_clock)
    return found


def test_result_page_puts_every_member_in_one_place(admin_client, push):
    page = admin_client.get(reverse("hq:push", args=[push.pk]))

    funnel = page.context["funnel"]
    assert sum(part.count for part in page.context["planned_parts"]) == funnel.planned == 6
    assert sum(part.count for part in page.context["issued_parts"]) == funnel.issued == 6
    assert funnel.done == 1
    assert "每个人都在一处" in page.content.decode()


@pytest.mark.parametrize(
    ("place", "count"),
    [("issued", 6), ("done", 1), ("open", 5), ("grade.3", 1), ("state.open", 5), ("expired", 0)],
)
def test_every_number_opens_its_masked_list(admin_client, push, place, count):
    page = admin_client.get(reverse("hq:push_people", args=[push.pk, place]))

    assert page.context["total"] == count
    assert len(page.context["rows"]) == count
    assert "林晓雯" not in page.content.decode()


def test_each_step_has_an_owner_and_opens_whom_it_lost(admin_client, push, team, fixed_clock):
    tap(target_of(push, team[0][1][1]), fixed_clock)

    page = admin_client.get(reverse("hq:push", args=[push.pk]))

    steps = page.context["steps"]
    assert [row.count for row in steps] == [6, 6, 2, 1, 0]
    assert [row.lost for row in steps] == [0, 0, 4, 1, 1]
    for row in steps:
        assert str(row.step.owner) in page.content.decode()
        for place, count in ((row.step.place, row.count), (row.step.lost_place, row.lost)):
            if place:
                listed = admin_client.get(reverse("hq:push_people", args=[push.pk, place]))
                assert listed.context["total"] == count


def test_a_proof_for_who_was_excused_and_a_buyer_never_written_to_keep_their_base(
    admin_client, push, team, fixed_clock
):
    (_guide, (excused, buyer, begun)), _other = team
    rows = TaskTarget.objects.filter(push=push)
    rows.update(state=State.OPEN, done_at=None, started_at=None, contact_grade=Grade.NONE)
    rows.filter(member=excused).update(
        state=State.NOT_APPLICABLE,
        excuse_reason=ExcuseReason.MOVED_AWAY,
        contact_grade=Grade.DELIVERED,
    )
    rows.filter(member=buyer).update(purchased_at=fixed_clock)
    rows.filter(member=begun).update(started_at=fixed_clock)

    page = admin_client.get(reverse("hq:push", args=[push.pk]))

    *_first, started, delivered, purchased = page.context["steps"]
    assert (started.count, started.lost, started.base) == (1, 4, 5)
    assert (delivered.count, delivered.lost, delivered.base, delivered.followed) == (1, 1, 1, 0)
    assert (purchased.count, purchased.lost, purchased.base, purchased.followed) == (1, 1, 1, 0)
    words = page.content.decode()
    assert words.count("其中来自上一步 0") == 2
    assert "5 人中未开始" in words


def test_nobody_is_lost_before_the_window_is_over(admin_client, push, fixed_clock):
    running = steps_of(admin_client, push)[-1]
    long_ago = fixed_clock - timedelta(days=push.campaign.window_days)
    TaskPush.objects.filter(pk=push.pk).update(handed_out_at=long_ago)
    over = steps_of(admin_client, push)[-1]

    assert (running.lost > 0, running.warns) == (True, False)
    assert (over.lost > 0, over.warns) == (True, True)


def steps_of(client, push):
    return client.get(reverse("hq:push", args=[push.pk])).context["steps"]


def test_an_unknown_place_is_not_found(admin_client, push):
    assert admin_client.get(reverse("hq:push_people", args=[push.pk, "nowhere"])).status_code == 404


def test_a_region_manager_sees_their_own_places_and_people(db, fixed_clock):
    own, other = make_store(region="east"), make_store(region="west")
    east, west = make_team(fixed_clock, store=own), make_team(fixed_clock, store=other)
    push = hand_out(members_of(east) + members_of(west), fixed_clock)
    client = signed_in(Role.REGION_MANAGER)
    ScopeGrant.objects.create(
        user_id=int(client.session["_auth_user_id"]), region=Region.objects.get(code="east")
    )

    page = client.get(reverse("hq:push", args=[push.pk]))
    listed = client.get(reverse("hq:push_people", args=[push.pk, "issued"]))

    assert [row.name for row in page.context["breakdown"]] == ["east"]
    assert page.context["lift"] is None
    assert {row.card.member_id for row in listed.context["rows"]} == {
        member.pk for member in members_of(east)
    }


def test_a_push_of_another_region_is_not_found(db, fixed_clock):
    push = hand_out(members_of(make_team(fixed_clock)), fixed_clock)
    make_user(Role.HQ_ADMIN)
    client = signed_in(Role.REGION_MANAGER)

    assert client.get(reverse("hq:push", args=[push.pk])).status_code == 404


def test_reports_show_completion_with_raw_and_excused_rate(admin_client, push):
    page = admin_client.get(reverse("hq:reports")).content.decode()

    assert "完成率" in page
    assert "原始率" in page
    assert "不适用率" in page


def test_what_was_done_on_the_guides_word_alone_is_told_beside_the_counts(admin_client, push):
    waiting = TaskTarget.objects.filter(push=push).exclude(state=State.DONE).first()
    TaskTarget.objects.filter(pk=waiting.pk).update(
        state=State.DONE,
        contact_grade=Grade.INITIATED,
        contacted_at=waiting.due_at,
        done_at=waiting.due_at,
    )

    page = admin_client.get(reverse("hq:push", args=[push.pk]))

    funnel = page.context["funnel"]
    assert (funnel.declared, funnel.done, funnel.declared_rate) == (1, 2, 0.5)
    assert "自报率 50" in page.content.decode()
    assert "自报率" in admin_client.get(reverse("hq:reports")).content.decode()
