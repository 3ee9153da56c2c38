from django.urls import reverse

from apps.accounts.models import User
from apps.campaigns.models import Campaign
from apps.campaigns.selectors import bucket
from apps.core import clock
from apps.guide_tasks.models import NotIssued, TaskPush, TaskTarget
from apps.guide_tasks.services import pushes
from apps.members import services as members
from apps.members.models import Member
from apps.outreach.models import MessageTemplate
from apps.segments.models import Segment
from apps.stores.selectors import actor_for
from tests.factories.tasks import members_of

RULE = {
    "node": ["l:0"],
    "op:": "and",
    "f:0": "is_friend",
    "was:0": "is_friend",
    "o:0": "is",
    "v:0": "yes",
}
WHEN = {
    "hand_out_at": "",
    "due_at": "2026-03-21T21:00",
    "hand_out_from": "07:00",
    "hand_out_until": "23:00",
    "contact_from": "09:00",
    "contact_until": "21:00",
}


def step(push, number):
    return reverse("hq:push_step", args=[push.pk, number])


def walk(client, push, *, share="0"):
    """Steps 1 to 5, as a browser posts them."""
    answers = [
        client.post(step(push, 1), {**RULE, "next": "1"}),
        client.post(
            step(push, 2),
            {
                "title": "秋冬回访",
                "body": "{称呼}，新靴到了。{导购}",
                "generic_body": "{门店}新靴到了。",
                "next": "1",
            },
        ),
        client.post(step(push, 3), {**WHEN, "next": "1"}),
        client.post(
            step(push, 4),
            {"required_grade": "3", "window_days": "7", "follow_up_days": "7", "next": "1"},
        ),
        client.post(step(push, 5), {"share": share, "next": "1"}),
    ]
    assert [answer.status_code for answer in answers] == [302] * 5
    assert [answer.url for answer in answers] == [step(push, number) for number in range(2, 7)]


def test_a_chosen_segment_makes_a_draft_that_outlives_the_browser(operator_client, draft):
    assert draft.status == TaskPush.Status.DRAFT
    assert draft.segment_run.member_count == 6

    page = operator_client.get(step(draft, 1))

    assert page.status_code == 200
    assert "好友" in page.content.decode()


def test_summary_and_hand_out_give_the_same_counts(operator_client, draft, team):
    stopped = members_of(team)[0]
    members.stop_contact(
        member_id=stopped.pk, source="test", now=clock.now(), actor=operator_actor(operator_client)
    )
    walk(operator_client, draft)

    summary = operator_client.get(step(draft, 6)).context["counted"]
    answer = operator_client.post(step(draft, 6), {"hand_out": "1"})

    assert answer.url == reverse("hq:push", args=[draft.pk])
    assert (summary.planned, summary.issued, summary.not_issued) == (6, 5, 1)
    assert TaskTarget.objects.filter(push=draft).count() == summary.issued
    assert not TaskTarget.objects.filter(push=draft, member=stopped).exists()
    assert NotIssued.objects.get(push=draft).reason == "stopped"


def test_whoever_changes_place_is_named_and_must_be_confirmed(operator_client, draft, team):
    walk(operator_client, draft)
    operator_client.get(step(draft, 6))
    late = members_of(team)[1]
    members.stop_contact(
        member_id=late.pk, source="test", now=clock.now(), actor=operator_actor(operator_client)
    )

    asked = operator_client.post(step(draft, 6), {"hand_out": "1"})
    draft.refresh_from_db()

    assert asked.status_code == 200
    assert [(row["to"], row["count"]) for row in asked.context["changes"]] == [("stopped", 1)]
    assert draft.status == TaskPush.Status.DRAFT

    operator_client.post(step(draft, 6), {"hand_out": "1", "confirmed": "1"})
    draft.refresh_from_db()

    assert draft.status == TaskPush.Status.HANDED_OUT
    assert TaskTarget.objects.filter(push=draft).count() == 5


def salt_with_both_sides(members, share_bp):
    """A salt that draws some of them and leaves some: chance has no say in a test."""
    for number in range(1000):
        salt = number.to_bytes(16, "big")
        if len({bucket(salt, member.pk) < share_bp for member in members}) == 2:
            return salt
    raise AssertionError("no salt draws some and leaves some")


def test_control_group_is_drawn_among_the_reachable_and_shown_before(operator_client, draft):
    salt = salt_with_both_sides(Member.objects.all(), 5000)
    Campaign.objects.filter(pk=draft.campaign_id).update(salt=salt)
    walk(operator_client, draft, share="50")

    counted = operator_client.get(step(draft, 6)).context["counted"]
    operator_client.post(step(draft, 6), {"hand_out": "1"})
    result = operator_client.get(reverse("hq:push", args=[draft.pk])).context["funnel"]

    assert counted.control > 0
    assert (result.planned, result.control, result.issued) == (6, counted.control, counted.issued)


def test_small_control_group_is_warned_about_with_ways_out(operator_client, draft):
    walk(operator_client, draft, share="10")

    page = operator_client.get(step(draft, 6)).content.decode()
    operator_client.post(step(draft, 6), {"share": "0"})
    draft.campaign.refresh_from_db()

    assert "对照组只有" in page
    assert "不留对照" in page
    assert draft.campaign.control_share_bp == 0


def test_outside_the_hours_a_push_waits_for_them(operator_client, draft):
    walk(operator_client, draft)
    operator_client.post(
        step(draft, 3), {**WHEN, "hand_out_from": "12:00", "hand_out_until": "13:00", "next": "1"}
    )

    operator_client.post(step(draft, 6), {"hand_out": "1"})
    draft.refresh_from_db()

    assert draft.status == TaskPush.Status.APPROVED
    assert draft.hand_out_at.astimezone(clock.chain_tz()).hour == 12


def test_an_unknown_variable_is_refused_with_its_name(operator_client, draft):
    answer = operator_client.post(
        step(draft, 2), {"title": "x", "body": "你好 {生日}", "next": "1"}
    )

    assert answer.status_code == 200
    assert "{生日}" in str(answer.context["form"].errors["body"])


def test_a_personal_text_asks_for_its_generic_variant(operator_client, draft):
    answer = operator_client.post(
        step(draft, 2), {"title": "x", "body": "{称呼}，你好", "next": "1"}
    )

    assert "generic_body" in answer.context["form"].errors


def test_a_text_without_customer_variables_is_its_own_generic_variant(operator_client, draft):
    operator_client.post(step(draft, 2), {"title": "x", "body": "{门店}到新", "next": "1"})
    draft.refresh_from_db()

    assert draft.generic_body == draft.body == "{门店}到新"


def test_taking_a_script_fills_the_texts_without_saving(operator_client, draft):
    template = MessageTemplate.objects.create(name="回访", body="{称呼}，你好", generic_body="你好")

    page = operator_client.post(
        step(draft, 2), {"template": template.pk, "pick": "1", "title": "x"}
    )
    draft.refresh_from_db()

    assert page.context["form"]["body"].value() == "{称呼}，你好"
    assert draft.body == ""


def test_an_adjusted_rule_is_kept_for_this_push_alone(operator_client, draft, segment):
    rule = {**RULE, "node": ["l:0", "l:1"], "f:1": "is_stopped", "was:1": "is_stopped",
            "o:1": "is", "v:1": "no"}  # fmt: skip

    operator_client.post(step(draft, 1), {**rule, "next": "1"})
    draft.refresh_from_db()

    assert draft.segment_run.version.segment_id != segment.pk
    assert not draft.segment_run.version.segment.is_active
    assert Segment.objects.filter(is_active=True).count() == 1


def test_a_rule_that_is_not_filled_in_does_not_go_on(operator_client, draft):
    rule = {"node": ["l:0"], "op:": "and", "f:0": "stage", "was:0": "stage", "o:0": "in"}

    page = operator_client.post(step(draft, 1), {**rule, "next": "1"})

    assert page.status_code == 200
    assert page.context["problem"]


def test_a_handed_out_push_has_no_wizard_any_more(operator_client, draft):
    walk(operator_client, draft)
    operator_client.post(step(draft, 6), {"hand_out": "1"})

    assert operator_client.get(step(draft, 2)).url == reverse("hq:push", args=[draft.pk])


def test_a_draft_can_be_thrown_away(operator_client, draft):
    operator_client.post(reverse("hq:push_delete", args=[draft.pk]))

    assert not TaskPush.objects.exists()


def test_second_hand_out_changes_nothing(operator_client, draft):
    walk(operator_client, draft)
    operator_client.post(step(draft, 6), {"hand_out": "1"})
    before = TaskTarget.objects.count()

    operator_client.post(step(draft, 6), {"hand_out": "1"})
    pushes.hand_out(push=draft, now=clock.now(), actor=operator_actor(operator_client))

    assert TaskTarget.objects.count() == before


def operator_actor(client):
    return actor_for(user=User.objects.get(username="hq_operator"), now=clock.now())


def test_a_segment_of_that_name_keeps_its_rule(operator_client, draft, segment):
    theirs = segment.versions.get().definition
    named = {**RULE, "v:0": "no", "save_as": segment.name, "next": "1"}

    page = operator_client.post(step(draft, 1), named)

    assert page.context["problem"]
    assert page.context["save_as"] == segment.name
    assert [version.definition for version in segment.versions.all()] == [theirs]


def test_a_rule_is_saved_under_a_name_once_however_often_the_button_is_tapped(
    operator_client, draft
):
    named = {**RULE, "save_as": "微信好友", "next": "1"}

    answers = [operator_client.post(step(draft, 1), named) for _tap in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert Segment.objects.get(name="微信好友").versions.count() == 1
    too_long = operator_client.post(step(draft, 1), {**named, "save_as": "长" * 81})
    assert too_long.context["problem"]
