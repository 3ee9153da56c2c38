"""The client's manners under load: buckets, back-off, breaker, early renewal, the log of calls."""

import threading
import time

import pytest
from django.conf import settings as django_settings
from redis import Redis

from apps.wecom import client as wecom
from apps.wecom import services
from apps.wecom.client import call_log, limits
from apps.wecom.client.governor import Governor
from apps.wecom.errors import NoAnswer, Paused, RateLimited, Refused, Unreachable

FOLLOWERS = "externalcontact/get_follow_user_list"
DEPARTMENTS = "department/list"


@pytest.fixture
def wc(db, simulator):
    services.ensure_demo_corp()
    yield wecom.client_for()
    simulator.post("/sim/faults/clear")


@pytest.fixture
def small(monkeypatch):
    """Two calls of the list of followers at once, and for long no third."""
    monkeypatch.setitem(limits.FEW, FOLLOWERS, (limits.Limit(3, 3_600, burst=2),))


def calls(simulator, path):
    return [call for call in simulator.calls() if call["path"].endswith(path)]


def workers(wc, count, work):
    """`count` threads, each with a client and a connection of its own, set off together."""
    gate, ended = threading.Barrier(count), []

    def run():
        mine = wecom.WeComClient(
            corp_id=wc.corp_id,
            secret=wc.secret,
            agent_id=wc.agent_id,
            redis=Redis.from_url(django_settings.CACHE_URL),
        )
        gate.wait()
        try:
            ended.append(work(mine))
        except Exception as error:
            ended.append(error)
        mine.redis.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


# -- buckets --------------------------------------------------------------------------------------


def test_an_empty_bucket_refuses_without_calling(wc, simulator, small):
    wc.list_follow_userids()
    wc.list_follow_userids()

    with pytest.raises(RateLimited) as caught:
        wc.list_follow_userids()

    assert 3_500 < caught.value.retry_after <= 3_600
    assert caught.value.errcode is None
    assert not caught.value.outcome_unknown
    assert len(calls(simulator, FOLLOWERS)) == 2
    assert wecom.call_counts()[FOLLOWERS, "waited"] == 1


def test_workers_share_one_bucket_and_other_apis_have_their_own(wc, simulator, small):
    ended = workers(wc, 8, lambda mine: mine.list_follow_userids())

    assert len(calls(simulator, FOLLOWERS)) == 2
    assert sum(isinstance(end, RateLimited) for end in ended) == 6
    assert wc.list_departments() == []


@pytest.mark.slow
def test_no_window_ever_holds_more_than_the_limit(wc, monkeypatch):
    most = 5
    monkeypatch.setitem(limits.FEW, FOLLOWERS, (limits.Limit(most, 2, burst=2),))
    governor, taken, until = Governor(wc.redis, wc.corp_id), [], time.monotonic() + 3.2
    while time.monotonic() < until:
        try:
            governor.admit(FOLLOWERS)
        except RateLimited:
            time.sleep(0.02)
        else:
            taken.append(time.monotonic())

    assert max(sum(begin <= at < begin + 2 for at in taken) for begin in taken) <= most
    assert len(taken) >= 3


def test_another_corp_has_buckets_of_its_own(wc, small):
    ours, theirs = Governor(wc.redis, wc.corp_id), Governor(wc.redis, "ww-other")
    ours.admit(FOLLOWERS)
    ours.admit(FOLLOWERS)

    with pytest.raises(RateLimited):
        ours.admit(FOLLOWERS)
    theirs.admit(FOLLOWERS)


def test_our_share_of_the_limits_can_be_cut(settings):
    settings.WECOM_LIMIT_PERCENT = 50

    minute, hour = limits.limits_of(DEPARTMENTS)

    assert (minute.most, hour.most) == (5_000, 75_000)


def test_what_a_number_of_calls_takes_is_known_before(settings):
    assert limits.seconds_for(DEPARTMENTS, 1_000) == 0
    assert limits.seconds_for(DEPARTMENTS, 40_000) == pytest.approx(260)
    assert limits.seconds_for("auth/getuserinfo", 40_000) == 0


# -- "too often" --------------------------------------------------------------------------------


def test_45009_stops_every_worker_at_once(wc, simulator):
    simulator.post("/sim/faults", path=FOLLOWERS, times=50, errcode=45009)
    with pytest.raises(RateLimited) as caught:
        wc.list_follow_userids()
    assert caught.value.retry_after == 60

    ended = workers(wc, 8, lambda mine: mine.list_follow_userids())

    assert {type(end) for end in ended} == {RateLimited}
    assert all(50 < end.retry_after <= 60 for end in ended)
    assert len(calls(simulator, FOLLOWERS)) == 1
    assert wc.list_departments() == []


@pytest.mark.slow
def test_after_the_pause_all_go_on_and_a_second_refusal_waits_longer(wc, simulator, settings):
    settings.WECOM_LIMIT_WAIT_SECONDS = 1
    waits = []
    simulator.post("/sim/faults", path=FOLLOWERS, times=2, errcode=45009)
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            wc.list_follow_userids()
        waits.append(caught.value.retry_after)
        time.sleep(caught.value.retry_after + 0.1)

    assert waits == [1, 2]
    assert wc.list_follow_userids() == []
    assert len(calls(simulator, FOLLOWERS)) == 3


def test_too_many_at_once_is_over_sooner(wc, simulator):
    simulator.post("/sim/faults", path=FOLLOWERS, errcode=45033)

    with pytest.raises(RateLimited) as caught:
        wc.list_follow_userids()

    assert caught.value.retry_after == 5


def test_http_429_closes_the_bucket_too(wc, simulator):
    simulator.post("/sim/faults", path=FOLLOWERS, http_status=429)

    for _ in range(2):
        with pytest.raises(RateLimited):
            wc.list_follow_userids()

    assert len(calls(simulator, FOLLOWERS)) == 1


# -- no answer ------------------------------------------------------------------------------------


def test_after_several_lost_calls_nobody_asks_for_a_while(wc, simulator, settings):
    settings.WECOM_BREAKER_AFTER = 3
    wc.list_departments()
    simulator.post("/sim/faults", path="*", times=99, http_status=502)
    for _ in range(3):
        with pytest.raises(NoAnswer):
            wc.list_follow_userids()

    ended = workers(wc, 4, lambda mine: mine.list_departments())

    assert {type(end) for end in ended} == {Paused}
    assert all(0 < end.retry_after <= 5 and not end.outcome_unknown for end in ended)
    assert len(calls(simulator, FOLLOWERS)) == 3


@pytest.mark.slow
def test_one_worker_asks_again_and_its_answer_lets_all_in(wc, simulator, settings):
    settings.WECOM_BREAKER_AFTER, settings.WECOM_BREAKER_SECONDS = 2, 1
    wc.list_departments()
    simulator.post("/sim/faults", path=FOLLOWERS, times=2, http_status=502)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            wc.list_follow_userids()
    assert wc.governor.paused_seconds() == 1
    time.sleep(1.1)
    simulator.post("/sim/faults", path=FOLLOWERS, delay_ms=2_000)

    ended = workers(wc, 4, lambda mine: mine.list_follow_userids())

    assert sorted(type(end).__name__ for end in ended) == ["Paused", "Paused", "Paused", "list"]
    assert wc.list_follow_userids() == []
    assert wc.governor.paused_seconds() == 0


def test_a_refusal_is_an_answer_and_breaks_nothing(wc, simulator, settings):
    settings.WECOM_BREAKER_AFTER = 2
    simulator.post("/sim/faults", path=FOLLOWERS, times=5, errcode=60011)

    for _ in range(5):
        with pytest.raises(Refused):
            wc.list_follow_userids()

    assert wc.list_follow_userids() == []


def test_without_the_cache_nothing_is_called(wc):
    wc.redis = wc.governor.redis = Redis.from_url("redis://127.0.0.1:9/0")
    wc.governor = Governor(wc.redis, wc.corp_id)

    with pytest.raises(Unreachable):
        wc.list_follow_userids()


# -- tokens and tickets -------------------------------------------------------------------------


def token_key(wc):
    return f"wecom:{wc.access_token_key}"


@pytest.mark.slow
def test_one_of_eight_workers_renews_a_token_early_and_nobody_waits_for_it(wc, simulator):
    wc.list_departments()
    wc.redis.expire(token_key(wc), 120)
    before = len(calls(simulator, "gettoken"))
    simulator.post("/sim/faults", path="gettoken", delay_ms=4_000)
    took = []

    def work(mine):
        begun = time.monotonic()
        answer = mine.list_departments()
        took.append(time.monotonic() - begun)
        return answer

    ended = workers(wc, 8, work)

    assert ended == [[]] * 8
    assert len(calls(simulator, "gettoken")) - before == 1
    assert sum(seconds > 3.9 for seconds in took) == 1


def test_a_failed_early_renewal_harms_nobody(wc, simulator):
    wc.list_departments()
    wc.redis.expire(token_key(wc), 120)
    simulator.post("/sim/faults", path="gettoken", times=9, http_status=500)

    assert wc.list_departments() == []
    assert wc.list_departments() == []

    assert len(calls(simulator, "gettoken")) == 2


@pytest.mark.slow
def test_a_storm_of_expired_tokens_is_one_refresh_bucket_or_not(wc, simulator, small):
    wc.list_departments()
    simulator.post("/sim/tokens/expire")
    before = len(calls(simulator, "gettoken"))

    ended = workers(wc, 8, lambda mine: mine.list_follow_userids())

    assert len(calls(simulator, "gettoken")) - before == 1
    assert sum(end == [] for end in ended) == 2
    assert sum(isinstance(end, RateLimited) for end in ended) == 6


def test_tickets_are_renewed_early_too(wc, simulator):
    wc.config_signature("http://testserver/")
    (key,) = wc.redis.keys("wecom:ticket:corp:*")
    wc.redis.expire(key, 60)

    wc.config_signature("http://testserver/")
    wc.config_signature("http://testserver/")

    assert len(calls(simulator, "get_jsapi_ticket")) == 2


def test_a_bad_secret_is_not_tried_again_and_again(wc, simulator):
    bad = wecom.WeComClient(corp_id=wc.corp_id, secret="wrong", agent_id=1, redis=wc.redis)

    for _ in range(5):
        with pytest.raises(Refused) as caught:
            bad.list_departments()
        assert caught.value.errcode == 40001

    assert len(calls(simulator, "gettoken")) == 1
    with pytest.raises(Refused):
        bad.ask_token_anew()
    assert len(calls(simulator, "gettoken")) == 2


# -- the log ------------------------------------------------------------------------------------


def test_every_call_is_logged_without_secrets(wc, simulator):
    wc.list_departments()
    simulator.post("/sim/faults", path=FOLLOWERS, errcode=60020)
    with pytest.raises(Refused) as caught:
        wc.list_follow_userids()

    token = wc.session.get(wc.access_token_key)
    everything = b"".join(wc.redis.lrange(call_log.ALL, 0, -1)).decode()
    bad, good, asked = call_log.latest(wc.redis)

    assert (bad.path, bad.outcome, bad.attempt) == (FOLLOWERS, "60020", 1)
    assert bad.hint == caught.value.hint != ""
    assert caught.value.seen_ip == "127.0.0.1"
    assert (good.path, good.outcome, good.corp_id) == (DEPARTMENTS, "ok", wc.corp_id)
    assert asked.path == "gettoken"
    assert token not in everything
    assert wc.secret not in everything


def test_bad_calls_are_found_among_many_good_ones(wc, monkeypatch):
    monkeypatch.setattr(call_log, "KEPT_CALLS", 5)
    monkeypatch.setattr(wc, "secret", "wrong")
    with pytest.raises(Refused):
        wc.list_departments()
    monkeypatch.undo()
    monkeypatch.setattr(call_log, "KEPT_CALLS", 5)
    for _ in range(8):
        wc.list_departments()

    assert len(call_log.latest(wc.redis)) == 5
    assert {call.outcome for call in call_log.latest(wc.redis, outcome="bad")} == {"40001"}
    assert call_log.latest(wc.redis, outcome="45009") == []
