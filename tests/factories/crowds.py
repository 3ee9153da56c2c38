"""People for whom every answer of the reach policy comes up, and where a push put them."""

import random
from datetime import timedelta

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import selectors
from apps.guide_tasks.models import NotIssued, TaskTarget
from apps.members import services as members
from apps.members.models import FollowRelation, Interaction, Member
from apps.stores.models import Guide
from tests.factories.facts import make_members
from tests.factories.tasks import make_team, members_of


def shake(people, guides, now, dice):
    """Give people every reason the policy knows, at random."""
    for person in people:
        match dice.randint(0, 9):
            case 0:
                members.stop_contact(member_id=person.pk, source="test", now=now, actor=SYSTEM)
            case 1:
                members.withdraw_consent(
                    member_id=person.pk, purpose="wecom_marketing", channel="test", now=now
                )
            case 2:
                FollowRelation.objects.filter(member=person).update(until=now, ended_by="customer")
            case 3:
                Interaction.objects.create(
                    member=person,
                    guide=guides[0],
                    kind="message",
                    occurred_at=now - timedelta(days=2),
                    source=f"test:{person.pk}",
                )
            case 4:
                Member.objects.filter(pk=person.pk).update(erased_at=now)
    Guide.objects.filter(pk=guides[-1].pk).update(status="left", left_at=now)


def crowd(now, seed, *, guides=4, friends=12):
    team = make_team(now, guides=guides, friends=friends)
    people = members_of(team) + make_members(6)
    shake(people, [guide for guide, _members in team], now, random.Random(seed))
    return people


def where_everybody_is(push):
    """Every planned member → the list of places that hold a row for them."""
    found = {}
    for reason, pk in NotIssued.objects.filter(push=push).values_list("reason", "member_id"):
        found.setdefault(pk, []).append(reason)
    for pk in TaskTarget.objects.filter(push=push).values_list("member_id", flat=True):
        found.setdefault(pk, []).append("issued")
    for pk in selectors.control_members(push):
        found.setdefault(pk, []).append("control")
    return found
