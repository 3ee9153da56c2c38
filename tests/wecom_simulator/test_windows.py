"""How far back and over how many days the host lets itself be asked."""

from datetime import datetime, timedelta

import pytest

from apps.wecom_simulator.actions import CHINA

TODAY = datetime(2026, 3, 18, 10, 0, tzinfo=CHINA)
DAY = timedelta(days=1)
CHATS = "externalcontact/get_user_behavior_data"
MOMENTS = "externalcontact/get_moment_list"
SENDS = "externalcontact/get_groupmsg_list_v2"
GROUPS = "externalcontact/groupchat/statistic_group_by_day"
LINK = "externalcontact/customer_acquisition/"


@pytest.fixture
def today(host):
    host.sim("clock", {"now": TODAY.isoformat()})
    host.token = None
    return TODAY.replace(hour=0)


def span(start, end):
    return {"start_time": int(start.timestamp()), "end_time": int(end.timestamp())}


def days_told(answer):
    rows = answer["behavior_data"]
    return [datetime.fromtimestamp(row["stat_time"], CHINA).date() for row in rows]


def test_chats_are_told_for_thirty_days_at_most(host, today):
    ask, last = {"userid": ["zhoulan"]}, today - DAY
    told = host.api(CHATS, {**ask, **span(last - 29 * DAY, last)})
    assert days_told(told) == [(last - n * DAY).date() for n in range(29, -1, -1)]
    assert host.api(CHATS, {**ask, **span(last - 30 * DAY, last)})["errcode"] == 40058
    assert host.api(CHATS, {**ask, **span(last, last - DAY)})["errcode"] == 40058


def test_chats_are_told_for_half_a_year_and_from_the_next_morning_on(host, today):
    ask, oldest = {"userid": ["zhoulan"]}, today - 180 * DAY
    assert days_told(host.api(CHATS, {**ask, **span(oldest, oldest)})) == [oldest.date()]
    before = oldest - DAY
    assert host.api(CHATS, {**ask, **span(before, before)})["errcode"] == 40058

    both = {**ask, **span(today - DAY, today)}
    assert days_told(host.api(CHATS, both)) == [(today - DAY).date()]
    host.sim("clock", {"now": (today + timedelta(hours=7, minutes=59)).isoformat()})
    assert days_told(host.api(CHATS, both)) == []  # yesterday is not counted yet
    host.sim("clock", {"advance_s": 120})
    assert days_told(host.api(CHATS, both)) == [(today - DAY).date()]


@pytest.mark.parametrize(
    ("path", "days", "more"), [(MOMENTS, 30, {}), (SENDS, 31, {"chat_type": "single"})]
)
def test_posts_and_sends_are_listed_for_a_month_at_most(host, today, path, days, more):
    month = span(TODAY - days * DAY, TODAY)
    assert host.api(path, {**more, **month})["errcode"] == 0
    longer = {**month, "start_time": month["start_time"] - 1}
    assert host.api(path, {**more, **longer})["errcode"] == 40058
    earlier = span(TODAY - 2 * days * DAY, TODAY - days * DAY)
    assert host.api(path, {**more, **earlier})["errcode"] == 0


def test_groups_and_links_are_counted_for_half_a_year(host, today):
    owners = {"owner_filter": {"userid_list": ["zhoulan"]}}
    oldest = int((today - 180 * DAY).timestamp())
    told = host.api(GROUPS, {**owners, "day_begin_time": oldest})
    assert [row["stat_time"] for row in told["items"]] == [oldest]
    assert host.api(GROUPS, {**owners, "day_begin_time": oldest - 1})["errcode"] == 40058

    body = {"link_name": "投放", "range": {"user_list": ["zhoulan"]}}
    link = {"link_id": host.api(f"{LINK}create_link", body)["link"]["link_id"]}
    since = span(TODAY - 180 * DAY + timedelta(minutes=1), TODAY)
    assert host.api(f"{LINK}statistic", {**link, **since})["errcode"] == 0
    since["start_time"] -= 120
    assert host.api(f"{LINK}statistic", {**link, **since})["errcode"] == 40058
