from datetime import timedelta
from types import SimpleNamespace

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.handovers import services
from apps.stores.services import guide_leaves
from apps.wecom_sync.services import handle_callbacks
from tests.factories import outreach as make
from tests.factories.callbacks import keep_friend_event
from tests.factories.facts import make_guide, make_store

A_DAY = timedelta(days=1, minutes=5)


@pytest.fixture
def corp(db):
    return make.connect_corp()


@pytest.fixture
def shop(corp, simulator):
    """A store with a guide who is about to go and colleagues, here and in WeCom."""
    store = make_store()
    now = clock.now()

    def hire(count=1):
        found = [make_guide(store, corp=make.CORP) for _one in range(count)]
        for guide in found:
            make.seed(simulator, guide)
        return found

    leaver, *others = hire(4)

    def befriend(guide, count, **fields):
        return make.make_friends(guide, count, simulator=simulator, **fields)

    def leave(guide=leaver):
        guide_leaves(guide=guide, now=clock.now(), on=clock.business_day(clock.now()))
        guide.refresh_from_db()
        simulator.post("/sim/users/leave", userid=guide.wecom_userid)

    def start(guide=leaver, **fields):
        run = services.plan_run(guide=guide, store=store, actor=SYSTEM, now=clock.now(), **fields)
        return services.start_run(run=run, actor=SYSTEM, now=clock.now())

    return SimpleNamespace(
        store=store, leaver=leaver, others=others, hire=hire, befriend=befriend, leave=leave,
        start=start, now=now, simulator=simulator,
    )  # fmt: skip


@pytest.fixture
def later(simulator):
    """Time goes on at WeCom, call after call; returns our moment then. Customers go over by
    themselves after 24 hours."""
    gone = [timedelta(0)]

    def move(delta=A_DAY):
        if delta:
            simulator.post("/sim/clock", advance_s=delta.total_seconds())
        gone[0] += delta
        return clock.now() + gone[0]

    return move


@pytest.fixture
def after_a_day(later):
    """WeCom begins what is queued, a day goes by, and it is asked; returns the moment."""

    def pass_(delta=A_DAY):
        services.send_calls(now=later(timedelta(0)))
        moment = later(delta)
        services.ask_results(now=moment)
        return moment

    return pass_


@pytest.fixture
def told_of(corp):
    """Put events into the inbox as the callback door does; `handle(now)` interprets them."""

    def tell(*told, **fields):
        return keep_friend_event(*told, **fields)

    tell.handle = lambda now: handle_callbacks(now=now)
    return tell
