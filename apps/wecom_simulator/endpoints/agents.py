"""The app as its own administrator set it up."""

from ..errors import ApiError
from ..world import Row
from .base import Call, Needs, endpoint


@endpoint("agent/get", needs=Needs.AGENT)
def agent_get(call: Call) -> Row:
    """Another app's id answers 301002."""
    wanted = call.query.get("agentid", "")
    if wanted not in call.world.corp["agents"]:
        raise ApiError(40056)
    if wanted != call.app:
        raise ApiError(301002)
    agent = call.agent
    visible = agent.get("visible_departments")
    return {
        "agentid": agent["agentid"],
        "name": agent["name"],
        "description": "",
        "allow_userinfos": {"user": []},
        "allow_partys": {"partyid": [1] if visible is None else list(visible)},
        "allow_tags": {"tagid": []},
        "close": 0,
        "redirect_domain": agent.get("trusted_domain", ""),
        "report_location_flag": 0,
        "isreportenter": 0,
        "home_url": "",
    }
