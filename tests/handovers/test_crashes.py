"""Workers die and answers are lost: nobody is handed over twice, nothing disappears, and what
nobody knows is a state of its own until WeCom's list settles it."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.core import clock, faults
from apps.handovers import selectors, services
from apps.handovers.models import HandoverCall, HandoverItem
from apps.members.models import FollowRelation

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PATH = "externalcontact/resigned/transfer_customer"
MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """What a test does to a worker at a named point."""


@pytest.fixture
def die_at(monkeypatch):
    def arm(name):
        def point(reached):
            if reached == name:
                monkeypatch.setattr(faults, "point", lambda _name: None)
                raise Killed

        monkeypatch.setattr(faults, "point", point)
        with pytest.raises(Killed):
            services.send_calls(now=clock.now())

    return arm


@pytest.fixture
def run(shop):
    shop.befriend(shop.leaver, 3)
    for colleague in shop.others[1:]:
        shop.leave(colleague)
    shop.leave()
    return shop.start()


def begun(shop):
    """How often WeCom really began to hand each customer over."""
    rows = shop.simulator.get("/sim/transfers")["transfers"]
    return sorted(row["external_userid"] for row in rows)


def states(run):
    rows = HandoverItem.objects.current().filter(run=run)
    return sorted(rows.values_list("state", flat=True))


def go_on(later):
    """What beat does afterwards, until a day has gone by."""
    for delta in (3 * MINUTE, 15 * MINUTE, 15 * MINUTE, timedelta(days=1)):
        moment = later(delta)
        services.ask_results(now=moment)
        services.send_calls(now=moment)
    services.ask_results(now=later(5 * MINUTE))


@pytest.mark.parametrize(
    "point", ["handovers.call_started", "handovers.called", "handovers.recorded"]
)
def test_a_worker_killed_around_the_call_hands_over_once(shop, run, later, die_at, point):
    everybody = sorted(run.items.values_list("external_userid", flat=True))
    die_at(point)

    moment = later(3 * MINUTE)  # the dead worker's lease runs out
    services.send_calls(now=moment)
    if point != "handovers.recorded":
        assert states(run) == ["unknown"] * 3
        assert selectors.report_of(run).unknown == 3
    go_on(later)

    assert begun(shop) == everybody
    assert states(run) == ["done"] * 3
    heirs = FollowRelation.objects.current().filter(external_userid__in=everybody)
    assert sorted(heirs.values_list("external_userid", flat=True)) == everybody


def test_an_answer_lost_after_the_effect_is_looked_up_not_repeated(shop, run, later):
    shop.simulator.post("/sim/faults", path=PATH, drop_connection=True, after_effect=True)
    services.send_calls(now=clock.now())
    assert states(run) == ["unknown"] * 3

    services.ask_results(now=later(3 * MINUTE))

    assert states(run) == ["waiting"] * 3
    assert len(shop.simulator.calls(PATH)) == 1


def test_a_call_that_never_reached_wecom_is_made_once_more(shop, run, later):
    shop.simulator.post("/sim/faults", path=PATH, drop_connection=True)
    services.send_calls(now=clock.now())

    services.ask_results(now=later(3 * MINUTE))
    assert states(run) == ["unknown"] * 3  # too soon to say
    go_on(later)

    assert states(run) == ["done"] * 3
    assert len(begun(shop)) == 3


def test_too_many_calls_put_off_and_nothing_is_lost(shop, run, later):
    shop.simulator.post("/sim/faults", path=PATH, errcode=45009)

    assert services.send_calls(now=clock.now()) == 0
    assert states(run) == ["queued"] * 3
    cache.clear()  # the minute for which every worker leaves this API alone is over
    assert services.send_calls(now=later(2 * MINUTE)) == 3


def test_what_the_connection_refuses_waits_for_somebody_to_mend_it(shop, run, later):
    shop.simulator.post("/sim/faults", path=PATH, errcode=48002)

    services.send_calls(now=clock.now())

    call = HandoverCall.objects.get()
    assert (call.state, call.attempts) == ("queued", 1)
    assert "48002" in call.reason
    assert services.send_calls(now=later(2 * MINUTE)) == 3
