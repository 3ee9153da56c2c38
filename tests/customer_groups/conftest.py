import pytest

from apps.core import clock
from apps.customer_groups.models import CustomerGroup
from apps.wecom_sync.services import handle_callbacks
from tests.factories import outreach as make
from tests.factories.callbacks import keep_event


@pytest.fixture
def corp(db):
    return make.connect_corp()


@pytest.fixture
def guide(corp, simulator):
    return make.make_posted_guide(simulator=simulator)


@pytest.fixture
def chat(simulator, guide):
    """A group on the guide's phone with one customer; nobody has told us of it."""
    (friend,) = make.make_friends(guide, simulator=simulator)
    made = simulator.post(
        "/sim/groups/create",
        userid=guide.wecom_userid,
        name="新款内购群",
        external_userids=[friend[1]],
    )
    return made["chat_id"]


@pytest.fixture
def told(corp):
    """Put a group event into the inbox as the callback door does."""

    def tell(change, chat_id, *, at=None, **fields):
        return keep_event("change_external_chat", change, {"ChatId": chat_id, **fields}, at=at)

    return tell


@pytest.fixture
def read(told):
    """WeCom tells of a new group and the inbox is read."""

    def reading(chat_id):
        told("create", chat_id)
        return handle_callbacks(now=clock.now())

    return reading


@pytest.fixture
def stranger(simulator):
    """Somebody in the simulator who is nobody's friend."""

    def make_one(ident="wmStranger1"):
        simulator.post("/sim/seed", customers=[{"external_userid": ident, "name": "路人"}])
        return ident

    return make_one


@pytest.fixture
def open_group(simulator, read):
    """Make a group on a guide's phone and let us read of it."""

    def open_one(owner, name="内购群"):
        (friend,) = make.make_friends(owner, simulator=simulator)
        made = simulator.post(
            "/sim/groups/create",
            userid=owner.wecom_userid,
            name=name,
            external_userids=[friend[1]],
        )
        read(made["chat_id"])
        return CustomerGroup.objects.get(chat_id=made["chat_id"])

    return open_one
