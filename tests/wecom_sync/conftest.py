import itertools
from datetime import timedelta

import pytest

from apps.core import clock
from apps.wecom.models import CallbackEndpoint, RawCallback
from tests.factories import outreach as make

_numbers = itertools.count(1)


@pytest.fixture
def corp(db):
    return make.connect_corp()


@pytest.fixture
def guide(corp, simulator):
    return make.make_posted_guide(simulator=simulator)


@pytest.fixture
def told(corp):
    """Put an event into the inbox as the callback door does; `at` in seconds from now."""

    def tell(change, guide, external_userid, at, **fields):
        return RawCallback.objects.create(
            key=next(_numbers).to_bytes(32, "big"),
            endpoint=CallbackEndpoint.objects.get(slug="contacts"),
            event="change_external_contact",
            change_type=change,
            fields={"UserID": guide.wecom_userid, "ExternalUserID": external_userid, **fields},
            created_by_wecom_at=at,
            not_before=clock.now() - timedelta(minutes=1),
        )

    return tell
