"""One member who stands in the open work of two guides."""

from datetime import timedelta

from apps.accounts.actor import SYSTEM
from apps.members import services as members
from tests.factories.facts import make_store
from tests.factories.tasks import hand_out, make_team, target_of


def shared_member(now, settings, **push):
    """(target of the first guide, target of the second), both of one member, in two pushes."""
    settings.CONTACT_ONE_PLAN = False
    (first, (member,)), (second, _none) = make_team(now, guides=2, friends=1, store=make_store())
    own = target_of(hand_out([member], now), member)
    members.start_follows(
        rows=[
            members.FollowRow(
                second.corp_id, second.pk, member.pk, "wmShared", now - timedelta(days=3)
            )
        ],
        now=now,
    )
    members.set_serving_guide(
        pairs=[(member.pk, second.pk, own.store_id)], reason="manual", now=now, actor=SYSTEM
    )
    theirs = target_of(hand_out([member], now, **push), member)
    return own, theirs
