"""WeCom's codes become what our rows say, whatever gets lost on the way."""

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.accounts.actor import SYSTEM
from apps.contact_codes import services as codes
from apps.contact_codes.errors import OneCodeAlready
from apps.contact_codes.models import ChannelCode, GuideBar
from apps.contact_codes.services import duty, pushing
from apps.core import clock, lease
from apps.stores.models import DayOff
from apps.wecom.client import client_for
from apps.wecom.services.rounds import Round
from tests.contact_codes.conftest import made, reread, wanted
from tests.factories.wecom import pauses_are_over

pytestmark = pytest.mark.django_db

ADD = "externalcontact/add_contact_way"
UPDATE = "externalcontact/update_contact_way"
Status = ChannelCode.Status


def users(*guides):
    return sorted(guide.wecom_userid for guide in guides)


def away(*guides):
    for guide in guides:
        DayOff.objects.create(guide=guide, day=clock.today())


def test_a_code_is_made_with_those_on_duty_and_its_number_is_kept(shop):
    away(shop.guides[0])
    code = made(shop.store)

    assert codes.push_codes(now=clock.now()) == 1

    (way,) = shop.ways(code)
    kept = reread(code)
    assert list(way.userids) == users(*shop.guides[1:]) == kept.pushed_users
    assert (kept.config_id, kept.address) == (way.config_id, way.address)
    assert (kept.status, kept.due_at) == (Status.MADE, None)


def test_only_changed_codes_are_called_when_the_duty_changes(shop):
    first = made(shop.store)
    made(shop.store, kind="guide", guide_id=shop.guides[2].pk, channel="名片")
    codes.push_codes(now=clock.now())
    away(shop.guides[0])

    codes.refresh_duty(now=clock.now())
    codes.push_codes(now=clock.now())
    codes.refresh_duty(now=clock.now())
    codes.push_codes(now=clock.now())

    (call,) = shop.simulator.calls(UPDATE)
    assert call["body"]["config_id"] == reread(first).config_id
    assert list(shop.ways(first)[0].userids) == users(*shop.guides[1:])


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_lost_answer_never_makes_a_second_code(shop, after_effect):
    code = made(shop.store)
    shop.simulator.post(
        "/sim/faults", path=ADD, drop_connection=True, after_effect=after_effect, times=1
    )
    now = clock.now()

    codes.push_codes(now=now)
    assert reread(code).status == Status.UNKNOWN
    for minute in range(1, 6):
        codes.push_codes(now=now + timedelta(minutes=minute))

    (way,) = shop.ways(code)
    assert (reread(code).status, reread(code).config_id) == (Status.MADE, way.config_id)
    assert len(shop.simulator.calls(ADD)) == (1 if after_effect else 2)


def test_a_worker_that_died_after_the_call_leaves_one_code(shop):
    code = made(shop.store)
    now = clock.now()
    client_for().add_shared_way(userids=users(*shop.guides), state=code.state)
    # what the dead worker had committed: the lease and the moment of its call
    ChannelCode.objects.filter(pk=code.pk).update(
        status=Status.UNKNOWN, call_started_at=now, lease_until=now, due_at=now
    )

    codes.push_codes(now=now + timedelta(minutes=5))
    codes.push_codes(now=now + timedelta(minutes=6))

    assert len(shop.ways(code)) == 1
    assert reread(code).status == Status.MADE


def test_one_guide_whom_wecom_refuses_does_not_stop_the_stores_code(shop):
    shop.simulator.post("/sim/seed", users=[{"userid": shop.guides[1].wecom_userid, "status": 4}])
    code = made(shop.store)

    assert codes.push_codes(now=clock.now()) == 1

    assert list(shop.ways(code)[0].userids) == users(shop.guides[0], shop.guides[2])
    assert GuideBar.objects.get().guide_id == shop.guides[1].pk
    # and the next look at the roster agrees, so nothing is called again
    assert codes.refresh_duty(now=clock.now()) == 0


def test_a_refusal_of_everybody_is_told_in_words_that_help(shop):
    for guide in shop.guides:
        shop.simulator.post("/sim/seed", users=[{"userid": guide.wecom_userid, "unverified": True}])
    code = made(shop.store)

    codes.push_codes(now=clock.now())

    assert reread(code).status == Status.FAILED
    assert reread(code).errcode == 40098
    assert reread(code).reason.startswith("这位导购还没有实名认证")


def test_a_code_deleted_in_wecom_is_made_again_and_the_poster_stays(shop):
    code = made(shop.store)
    codes.push_codes(now=clock.now())
    before = reread(code)
    client_for().delete_contact_way(config_id=before.config_id)
    away(shop.guides[0])

    codes.refresh_duty(now=clock.now())
    codes.push_codes(now=clock.now())

    after = reread(code)
    assert after.slug == before.slug
    assert after.config_id not in ("", before.config_id)
    assert len(shop.ways(code)) == 1


def test_asked_to_slow_down_it_waits_and_goes_on(shop):
    code = made(shop.store)
    shop.simulator.post("/sim/faults", path=ADD, errcode=45009, times=1)
    now = clock.now()

    assert codes.push_codes(now=now) == 0
    assert reread(code).status == Status.WANTED
    assert reread(code).due_at > now
    pauses_are_over()
    later = reread(code).due_at + timedelta(seconds=61)
    assert codes.push_codes(now=later) == 1
    assert len(shop.ways(code)) == 1


def test_a_stopped_code_is_taken_back_once(shop):
    code = made(shop.store)
    codes.push_codes(now=clock.now())

    for _again in range(2):
        codes.stop_code(code_id=code.pk, actor=SYSTEM, now=clock.now())
        codes.push_codes(now=clock.now())

    assert shop.ways(code) == []
    assert reread(code).status == Status.STOPPED
    assert made(shop.store).pk != code.pk


def test_who_changes_or_stops_a_code_while_a_worker_looks_at_it_is_not_forgotten(shop):
    code, run = made(shop.store), Round(clock.now())
    codes.push_codes(now=run.now)
    seen = reread(code)
    token, _ids = lease.claim(
        ChannelCode.objects.filter(pk=code.pk), now=run.now, seconds=60, limit=1
    )

    codes.stop_code(code_id=code.pk, actor=SYSTEM, now=clock.now())
    assert pushing._bring(seen, token, run)  # what it read said that nothing is to be told

    assert reread(code).due_at is not None
    codes.push_codes(now=clock.now())
    assert (reread(code).status, shop.ways(code)) == (Status.STOPPED, [])


def test_an_old_look_at_the_duty_does_not_put_off_what_somebody_stopped(shop):
    away(*shop.guides)
    code = made(shop.store)
    codes.push_codes(now=clock.now())
    seen = reread(code)
    DayOff.objects.all().delete()
    codes.stop_code(code_id=code.pk, actor=SYSTEM, now=clock.now())

    duty._refresh([seen], clock.now())

    assert reread(code).due_at is not None


def test_a_code_that_may_just_be_being_made_is_taken_back_after_a_while(shop):
    code, now = made(shop.store), clock.now()
    shop.simulator.post("/sim/faults", path=ADD, drop_connection=True, after_effect=True, times=1)
    codes.push_codes(now=now)
    codes.stop_code(code_id=code.pk, actor=SYSTEM, now=now)

    codes.push_codes(now=now)
    assert (reread(code).status, len(shop.ways(code))) == (Status.STOPPING, 1)
    codes.push_codes(now=now + timedelta(minutes=1))
    assert (reread(code).status, shop.ways(code)) == (Status.STOPPED, [])


def test_opens_of_a_code_are_forgotten_after_ninety_days(shop):
    code, now = made(shop.store), clock.now()
    for visitor in "abc":
        codes.record_scan(code=code, address=visitor, browser="", now=now)
    assert codes.forget_old_scans(now=now + timedelta(days=90)) == 0
    assert codes.forget_old_scans(now=now + timedelta(days=92)) == 3


def test_a_form_sent_twice_is_one_code_and_a_second_one_of_a_store_is_told_so(shop):
    form = {"wanted": wanted(shop.store), "corp_id": shop.guides[0].corp_id, "actor": SYSTEM}
    client_id = uuid4()
    first = codes.create_code(**form, now=clock.now(), client_id=client_id)
    assert codes.create_code(**form, now=clock.now(), client_id=client_id) == first
    with pytest.raises(OneCodeAlready):
        codes.create_code(**form, now=clock.now(), client_id=uuid4())
