"""获客助手: links that lead customers to members, what came of them, and the quota."""

from typing import Any

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, Needs, endpoint, number, optional_text, page, page_size, text, texts

PATH = "externalcontact/customer_acquisition/"
MOST_NAME = 30
MOST_PEOPLE = 500
HALF_A_YEAR_S = 180 * 86400


def _link(call: Call) -> Row:
    """One of this app's own links."""
    link = call.world.links.get(text(call.body, "link_id"))
    if link is None or link["app"] != call.app:
        raise ApiError(40058)
    return link


def _range(call: Call) -> Row:
    wanted = call.body.get("range")
    if not isinstance(wanted, dict):
        raise ApiError(40063)
    userids = texts(wanted, "user_list", most=MOST_PEOPLE)
    parties = wanted.get("department_list") or []
    if not isinstance(parties, list):
        raise ApiError(40058)
    if not userids and not parties:
        raise ApiError(40063)
    for party in parties:
        if str(party) not in call.world.departments or not call.sees_department(str(party)):
            raise ApiError(60123)
    real = [call.user(userid)["userid"] for userid in userids]
    return {"user_list": list(dict.fromkeys(real)), "department_list": parties}


def _priority(call: Call) -> Row | None:
    option: Any = call.body.get("priority_option")
    if option is None:
        return None
    if not isinstance(option, dict) or option.get("priority_type") not in (1, 2):
        raise ApiError(40058)
    named = texts(option, "priority_userid_list", most=1000)
    return {"priority_type": option["priority_type"], "priority_userid_list": named}


@endpoint(f"{PATH}create_link", needs=Needs.CUSTOMERS, writes=True)
def create_link(call: Call) -> Row:
    name = text(call.body, "link_name", most=MOST_NAME)
    if len(call.world.links) >= call.world.switches["acquisition_links_most"]:
        raise ApiError(41095)
    link_id = new_id("ca", 12)
    link: Row = {
        "link_id": link_id, "link_name": name, "url": f"{call.host.own_url}/ca/{link_id}",
        "create_time": int(call.now), "skip_verify": bool(call.body.get("skip_verify", True)),
        "range": _range(call), "priority_option": _priority(call), "app": call.app,
        "mark_source": bool(call.body.get("mark_source", False)), "clicks": [], "customers": [],
    }  # fmt: skip
    call.host.commit("link", link=link)
    call.effect = {"link_id": link_id}
    names = ("link_id", "link_name", "url", "create_time")
    return {"link": {name: link[name] for name in names}}


@endpoint(f"{PATH}list_link", needs=Needs.CUSTOMERS)
def list_link(call: Call) -> Row:
    rows = [{"id": row["link_id"]} for row in call.world.links.values() if row["app"] == call.app]
    size = page_size(call.body, default=100, most=100)
    part, cursor = page(call, rows, size=size, scope=f"links:{call.app}")
    return {"link_id_list": [row["id"] for row in part], "next_cursor": cursor}


@endpoint(f"{PATH}get", needs=Needs.CUSTOMERS)
def get_link(call: Call) -> Row:
    link = _link(call)
    names = ("link_id", "link_name", "url", "create_time", "skip_verify", "mark_source")
    answer: Row = {"link": {name: link[name] for name in names}, "range": link["range"]}
    return (
        {**answer, "priority_option": link["priority_option"]}
        if link["priority_option"]
        else answer
    )


@endpoint(f"{PATH}update_link", needs=Needs.CUSTOMERS, writes=True)
def update_link(call: Call) -> Row:
    link = dict(_link(call))
    name = optional_text(call.body, "link_name", most=MOST_NAME)
    if name:
        link["link_name"] = name
    if "range" in call.body:
        link["range"] = _range(call)
    if "skip_verify" in call.body:
        link["skip_verify"] = bool(call.body["skip_verify"])
    if "priority_option" in call.body:
        link["priority_option"] = _priority(call)
    call.host.commit("link", link=link)
    call.effect = {"link_id": link["link_id"]}
    return {}


@endpoint(f"{PATH}delete_link", needs=Needs.CUSTOMERS, writes=True)
def delete_link(call: Call) -> Row:
    link = _link(call)
    call.host.commit("link_deleted", link_id=link["link_id"])
    call.effect = {"deleted": link["link_id"]}
    return {}


@endpoint(f"{PATH}customer", needs=Needs.CUSTOMERS)
def link_customers(call: Call) -> Row:
    """Who came by this link, and whether they have written yet."""
    link = _link(call)
    names = ("external_userid", "userid", "chat_status", "state")
    rows = [{name: row[name] for name in names} for row in link["customers"]]
    size = page_size(call.body, default=1000, most=1000)
    part, cursor = page(call, rows, size=size, scope=f"link:{link['link_id']}")
    return {"customer_list": part, "next_cursor": cursor}


@endpoint(f"{PATH}statistic", needs=Needs.CUSTOMERS)
def link_statistic(call: Call) -> Row:
    link = _link(call)
    start, end = number(call.body, "start_time", 0), number(call.body, "end_time", 0)
    if not start or end < start or start < call.now - HALF_A_YEAR_S:
        raise ApiError(40058)
    came = {row["external_userid"] for row in link["customers"] if start <= row["at"] <= end}
    clicks = sum(1 for at in link["clicks"] if start <= at <= end)
    return {"click_link_customer_cnt": clicks, "new_customer_cnt": len(came)}


@endpoint("externalcontact/customer_acquisition_quota", needs=Needs.CUSTOMERS)
def acquisition_quota(call: Call) -> Row:
    return dict(call.world.quota)
