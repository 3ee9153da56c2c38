from datetime import timedelta
from types import SimpleNamespace

import pytest

from apps.accounts.actor import SYSTEM
from apps.contact_codes import services as codes
from apps.contact_codes.models import ChannelCode
from apps.core import clock
from apps.wecom.client import client_for
from tests.factories import outreach as make
from tests.factories.callbacks import keep_event
from tests.factories.facts import make_guide, make_store


def wanted(store=None, **changes):
    fields = {"title": "门店海报", "channel": "海报", "kind": "store"}
    if store is not None:
        fields["store_id"] = store.pk
    return codes.Wanted(**{**fields, **changes})


def made(store=None, **changes):
    return codes.create_code(
        wanted=wanted(store, **changes), corp_id=make.CORP, actor=SYSTEM, now=clock.now()
    )


def reread(code):
    return ChannelCode.objects.get(pk=code.pk)


@pytest.fixture
def shop(db, simulator):
    """A live store with three guides, here and in the simulator."""
    make.connect_corp()
    store = make_store()
    guides = [make_guide(store, corp=make.CORP) for _one in range(3)]
    for guide in guides:
        make.seed(simulator, guide)

    def ways(code):
        """WeCom's codes with this state, as its own interface tells them."""
        client, at = client_for(), clock.now()
        listed = client.list_contact_ways(
            start=at - timedelta(hours=1), end=at + timedelta(hours=1)
        )
        found = [client.get_contact_way(config_id) for config_id in listed]
        return [one for one in found if one.state == code.state]

    return SimpleNamespace(store=store, guides=guides, simulator=simulator, ways=ways)


@pytest.fixture
def told(shop):
    """What the customer's phone did reaches the inbox as WeCom's event."""

    def tell(code, external, guide, name="小雨"):
        answer = shop.simulator.post(
            "/sim/customers/add-guide",
            config_id=reread(code).config_id,
            userid=guide.wecom_userid,
            external_userid=external,
            name=name,
        )
        return keep_event(
            "change_external_contact",
            "add_external_contact",
            {
                "UserID": guide.wecom_userid,
                "ExternalUserID": external,
                "State": code.state,
                "WelcomeCode": answer.get("welcome_code", ""),
            },
            greets=True,
        )

    return tell
