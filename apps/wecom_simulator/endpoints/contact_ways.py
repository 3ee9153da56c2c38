"""联系我: codes that lead a customer to a member."""

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, Needs, endpoint, number, optional_text, page, page_size, text, texts

EDITABLE = ("remark", "skip_verify", "state", "user", "party", "style", "is_exclusive")


def _way(call: Call, config_id: str) -> Row:
    way = call.world.ways.get(config_id)
    if way is None:
        raise ApiError(41044)
    return way


def _checked_fields(call: Call, kind: int) -> Row:
    users = texts(call.body, "user", most=100, too_many=41041)
    if kind == 1 and len(users) != 1:
        raise ApiError(40058)
    members = [call.user(userid) for userid in users]
    if any(member["status"] != 1 for member in members):
        raise ApiError(41054)
    if any(member.get("unverified") for member in members):
        raise ApiError(40098)
    parties = call.body.get("party") or []
    if kind == 2 and not users and not parties:
        raise ApiError(40063)
    return {
        "remark": optional_text(call.body, "remark", most=30),
        "skip_verify": bool(call.body.get("skip_verify", True)),
        "state": optional_text(call.body, "state", most=30),
        "user": [member["userid"] for member in members],
        "party": list(parties) if isinstance(parties, list) else [],
        "style": number(call.body, "style", 1),
        "is_exclusive": bool(call.body.get("is_exclusive", False)),
    }


@endpoint("externalcontact/add_contact_way", needs=Needs.CUSTOMERS, writes=True)
def add_contact_way(call: Call) -> Row:
    kind, scene = call.body.get("type"), call.body.get("scene")
    if kind not in (1, 2):
        raise ApiError(41037 if kind is None else 41039)
    if scene not in (1, 2):
        raise ApiError(41038 if scene is None else 41040)
    if len(call.world.ways) >= call.world.switches["contact_ways_most"]:
        raise ApiError(41045)
    config_id = new_id("", 16)
    way = {"config_id": config_id, "type": kind, "scene": scene, **_checked_fields(call, kind)}
    way["created_at"] = int(call.now)
    if scene == 2:
        way["qr_code"] = f"{call.host.own_url}/qr/{config_id}/"
    call.host.commit("way", way=way)
    call.effect = {"config_id": config_id}
    return {"config_id": config_id, **({"qr_code": way["qr_code"]} if scene == 2 else {})}


@endpoint("externalcontact/get_contact_way", needs=Needs.CUSTOMERS)
def get_contact_way(call: Call) -> Row:
    way = _way(call, text(call.body, "config_id", empty=41043))
    return {"contact_way": {name: value for name, value in way.items() if name != "created_at"}}


@endpoint("externalcontact/list_contact_way", needs=Needs.CUSTOMERS)
def list_contact_way(call: Call) -> Row:
    start = number(call.body, "start_time", int(call.now) - 90 * 86400)
    end = number(call.body, "end_time", int(call.now))
    ways = [
        {"config_id": way["config_id"]}
        for way in call.world.ways.values()
        if start <= way["created_at"] <= end
    ]
    size = page_size(call.body, default=100, most=1000)
    part, cursor = page(call, ways, size=size, scope=f"ways:{start}:{end}")
    return {"contact_way": part, **({"next_cursor": cursor} if cursor else {})}


@endpoint("externalcontact/update_contact_way", needs=Needs.CUSTOMERS, writes=True)
def update_contact_way(call: Call) -> Row:
    way = _way(call, text(call.body, "config_id", empty=41043))
    merged = {name: way[name] for name in EDITABLE}
    call.body = {**merged, **call.body}
    call.host.commit("way", way={**way, **_checked_fields(call, way["type"])})
    call.effect = {"config_id": way["config_id"]}
    return {}


@endpoint("externalcontact/del_contact_way", needs=Needs.CUSTOMERS, writes=True)
def del_contact_way(call: Call) -> Row:
    way = _way(call, text(call.body, "config_id", empty=41043))
    call.host.commit("way_deleted", config_id=way["config_id"])
    call.effect = {"deleted": way["config_id"]}
    return {}
