"""A few people to begin with, and what a product needs to know to call."""

from . import actions
from .host import Host

DEPARTMENTS = [
    {"id": 1, "name": "总部", "parentid": 0},
    {"id": 2, "name": "人民广场店", "parentid": 1},
    {"id": 3, "name": "徐家汇店", "parentid": 1},
]
USERS = [
    {"userid": "zhoulan", "name": "周岚", "department": [2], "position": "导购"},
    {"userid": "liming", "name": "李明", "department": [3], "position": "店长"},
]
CUSTOMERS = [
    {"external_userid": "wmSample000001", "name": "林晓雯", "follows": [{"userid": "zhoulan"}]},
    {"external_userid": "wmSample000002", "name": "陈静怡", "follows": [{"userid": "zhoulan"}]},
    {"external_userid": "wmSample000003", "name": "马宁", "follows": [{"userid": "liming"}]},
]


def put_sample(host: Host) -> None:
    """Two stores, two members, three customers; nothing where somebody is already."""
    with host.lock:
        if not host.world.users:
            actions.seed(host, {"departments": DEPARTMENTS, "users": USERS, "customers": CUSTOMERS})


def credentials(host: Host) -> str:
    """Lines for the person who started this. The secrets are as made up as the people."""
    corp = host.world.corp
    lines = [f"corpid {corp['corp_id']}"]
    lines += [f"agentid {a['agentid']} secret {a['secret']}" for a in corp["agents"].values()]
    return "".join(f"{line}\n" for line in [*lines, f"API {host.own_url}/cgi-bin/"])
