import pytest

from apps.core import clock
from apps.stores.models import Store
from tests.factories import outreach as make
from tests.factories.callbacks import keep_friend_event
from tests.factories.facts import make_store


@pytest.fixture
def corp(db):
    return make.connect_corp()


@pytest.fixture
def guide(corp, simulator):
    return make.make_posted_guide(simulator=simulator)


@pytest.fixture
def store(simulator, corp):
    """A live store that is a department of WeCom."""
    simulator.post(
        "/sim/seed", departments=[{"id": 1, "name": "总部"}, {"id": 7, "name": "静安店"}]
    )
    store = make_store()
    Store.objects.filter(pk=store.pk).update(wecom_department_id=7, live_since=clock.now())
    return store


@pytest.fixture
def told(corp):
    """Put an event about a customer into the inbox as the callback door does."""
    return keep_friend_event
