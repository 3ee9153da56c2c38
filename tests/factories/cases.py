"""Complaints, written down by the service a guide's page calls."""

import uuid

from apps.cases import services
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from tests.factories.items import png
from tests.factories.tasks import guide_actor


def complain(member, guide, now, **fields):
    values = {
        "kind": "quality",
        "words": "拉链坏了",
        "client_id": uuid.uuid4(),
        "actor": guide_actor(guide, now),
        **fields,
    }
    return services.open_case(member_id=member.pk, now=now, **values)


def show_photo(case, guide, now, *, raw=None):
    """A photo of what is wrong, added by who wrote it down."""
    raws = [raw or png()]
    return services.add_photos(case_id=case.pk, raws=raws, actor=guide_actor(guide, now), now=now)


def lead_actor(guide, now):
    """Who leads a store, with what the posting gives."""
    return actor_for(user=user_of_guide(guide=guide), now=now)


def settle(case, manager, now, *, result="repaired", words="换了拉链"):
    actor = lead_actor(manager, now)
    return services.close(case_id=case.pk, result=result, words=words, actor=actor, now=now)
