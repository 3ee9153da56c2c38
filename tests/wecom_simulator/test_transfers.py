"""A customer changes hands: after a day, unless TA says no, and twice in ninety days at most."""

import pytest

DAY = 86_400
TRANSFER = "externalcontact/transfer_customer"
RESULT = "externalcontact/transfer_result"
PAIR = {"handover_userid": "zhoulan", "takeover_userid": "LiMing"}
WAITING, DONE, REFUSED = 2, 1, 3


def pass_(host, seconds):
    host.sim("clock", {"advance_s": seconds})
    host.token = None  # it did not live that long


def ask(host, giver="zhoulan", taker="LiMing"):
    body = {"handover_userid": giver, "takeover_userid": taker, "external_userid": ["wmA"]}
    answer = host.api(TRANSFER, body)
    assert answer["errcode"] == 0, answer
    return answer["customer"][0]["errcode"]


def state_of(host):
    (row,) = host.api(RESULT, PAIR)["customer"]
    return row["status"]


def guides_of(host):
    answer = host.api("externalcontact/get", external_userid="wmA")
    return [row["userid"] for row in answer["follow_user"]]


def test_a_customer_goes_over_a_day_after_it_was_asked(host):
    assert ask(host) == 0
    pass_(host, DAY - 60)
    assert (state_of(host), guides_of(host)) == (WAITING, ["zhoulan"])
    pass_(host, 120)
    assert (state_of(host), guides_of(host)) == (DONE, ["LiMing"])


def test_who_says_no_within_the_day_stays(host):
    assert ask(host) == 0
    host.sim("transfers/refuse", {"external_userid": "wmA"})
    pass_(host, DAY + 60)
    assert (state_of(host), guides_of(host)) == (REFUSED, ["zhoulan"])


def test_twice_in_ninety_days_and_again_when_the_first_is_older(host):
    pair = ("zhoulan", "LiMing")
    for giver, taker in (pair, pair[::-1]):
        assert ask(host, giver, taker) == 0
        pass_(host, DAY + 60)
    assert ask(host) == 40128
    pass_(host, 87 * DAY)
    assert ask(host) == 40128
    pass_(host, DAY)
    assert ask(host) == 0


@pytest.mark.parametrize("status", [2, 4, 5])
def test_nobody_takes_over_who_has_no_account_in_use(host, status):
    host.sim("seed", {"users": [{"userid": "LiMing", "status": status}]})
    answer = host.api(TRANSFER, {**PAIR, "external_userid": ["wmA"]})
    assert answer["errcode"] == 41054
    assert guides_of(host) == ["zhoulan"]
