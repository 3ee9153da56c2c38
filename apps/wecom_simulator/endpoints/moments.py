"""客户朋友圈: a job makes a post, members publish it on their phones, customers answer."""

from typing import Any

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import (
    Call,
    Needs,
    attachments,
    endpoint,
    message_text,
    number,
    page,
    page_size,
    text,
    texts,
)

MONTH_S = 30 * 86400
MOST_TEXT = 2000
JOB_LIFE_S = 86400
ALL = 2  # of the corp 0, of members themselves 1


@endpoint("externalcontact/add_moment_task", needs=Needs.CUSTOMERS, writes=True)
def add_moment_task(call: Call) -> Row:
    """Members outside the app's range are left out; nobody named: everybody in it."""
    content = message_text(call, most_bytes=4 * MOST_TEXT)
    extras = attachments(call, scene="moment")
    _check_together(content, extras)
    wanted = call.body.get("visible_range") or {}
    if not isinstance(wanted, dict):
        raise ApiError(40058)
    _check_jobs(call)
    tasks, invalid_users, invalid_parties = _senders(call, wanted.get("sender_list"))
    tags, invalid_tags = _audience(call, wanted.get("external_contact_list"))
    moment_id, jobid = new_id("mom", 15), new_id("job", 15)
    call.host.commit("moment", moment={
        "moment_id": moment_id, "jobid": jobid, "create_time": call.now, "text": content,
        "attachments": extras, "tasks": dict.fromkeys(tasks), "invalid": invalid_users,
        "invalid_parties": invalid_parties, "tags": tags, "invalid_tags": invalid_tags,
        "cancelled_at": None,
    })  # fmt: skip
    call.effect = {"jobid": jobid, "moment_id": moment_id, "senders": tasks}
    return {"jobid": jobid}


def _check_together(content: str, extras: list[Row]) -> None:
    """Up to nine pictures, or one video, or one link."""
    if not content and not extras:
        raise ApiError(41089)
    kinds = [item["msgtype"] for item in extras]
    if set(kinds) - {"image", "video", "link"}:
        raise ApiError(41065)
    if len(set(kinds)) > 1 or (kinds and kinds[0] != "image" and len(kinds) > 1):
        raise ApiError(41064)
    if len(content) > MOST_TEXT:
        raise ApiError(40058)


def _check_jobs(call: Call) -> None:
    """So many jobs lie there for a day."""
    most = call.world.switches["moment_jobs_most"]
    since = call.now - JOB_LIFE_S
    jobs = [
        row for row in call.world.moments.values() if row["jobid"] and row["create_time"] > since
    ]
    if most is not None and len(jobs) >= most:
        raise ApiError(41078)


def _senders(call: Call, wanted: Any) -> tuple[list[str], list[str], list[Any]]:
    """Members who get the task; ids and departments that name nobody here."""
    visible, world = call.visible_users(), call.world
    if wanted is None:
        return sorted(visible), [], []
    if not isinstance(wanted, dict):
        raise ApiError(40058)
    asked = texts(wanted, "user_list", most=100_000)
    parties = wanted.get("department_list") or []
    if not isinstance(parties, list):
        raise ApiError(40058)
    real = [world.user_names.get(userid.lower(), "") for userid in asked]
    good = dict.fromkeys(userid for userid in real if userid in visible)
    for party in parties:
        inside = set(world.department_tree(str(party)))
        for userid in visible:
            if inside & {str(item) for item in world.users[userid]["department"]}:
                good[userid] = None
    missing = [userid for userid, found in zip(asked, real, strict=True) if found not in good]
    return list(good), missing, [p for p in parties if not world.department_tree(str(p))]


def _audience(call: Call, wanted: Any) -> tuple[list[str], list[str]]:
    tags = texts(wanted, "tag_list", most=100) if isinstance(wanted, dict) else []
    known = {tag["id"] for group in call.world.tag_groups.values() for tag in group["tag"]}
    return [tag for tag in tags if tag in known], [tag for tag in tags if tag not in known]


@endpoint("externalcontact/get_moment_task_result", needs=Needs.CUSTOMERS)
def get_moment_task_result(call: Call) -> Row:
    """A job is known for a day."""
    jobid = call.query.get("jobid", "")
    moments = call.world.moments.values()
    moment = next((row for row in moments if row["jobid"] == jobid), None)
    if moment is None or moment["create_time"] < call.now - JOB_LIFE_S:
        raise ApiError(40058)
    if _is_being_made(call, moment):
        return {"status": 2, "type": "add_moment_task"}
    result: Row = {
        "errcode": 0, "errmsg": "ok", "moment_id": moment["moment_id"],
        "invalid_sender_list": {
            "user_list": moment["invalid"], "department_list": moment.get("invalid_parties", []),
        },
        "invalid_external_contact_list": {"tag_list": moment.get("invalid_tags", [])},
    }  # fmt: skip
    if not moment["tasks"]:
        result.update(errcode=40003, errmsg="invalid userid", moment_id="")
    return {"status": 3, "type": "add_moment_task", "result": result}


@endpoint("externalcontact/cancel_moment_task", needs=Needs.CUSTOMERS, writes=True)
def cancel_moment_task(call: Call) -> Row:
    """Members who have not published it yet cannot any more."""
    moment = _moment(call)
    call.host.commit("moment_cancelled", moment_id=moment["moment_id"])
    call.effect = {"cancelled": moment["moment_id"]}
    return {}


@endpoint("externalcontact/get_moment_list", needs=Needs.CUSTOMERS)
def get_moment_list(call: Call) -> Row:
    start, end = number(call.body, "start_time", 0), number(call.body, "end_time", 0)
    if not start or end < start or end - start > MONTH_S:
        raise ApiError(40058)
    kind = number(call.body, "filter_type", ALL)
    rows = [
        _listing(row)
        for row in call.world.moments.values()
        if row["tasks"] and start <= int(row["create_time"]) <= end
        and kind in (ALL, row.get("create_type", 0))
    ]  # fmt: skip
    size = page_size(call.body, default=20, most=100)
    part, cursor = page(call, rows, size=size, scope=f"moments:{start}:{end}:{kind}")
    return {"moment_list": part, "next_cursor": cursor}


def _listing(row: Row) -> Row:
    told: Row = {
        "moment_id": row["moment_id"], "create_time": str(int(row["create_time"])),
        "create_type": row.get("create_type", 0), "visible_type": int(not row.get("tags")),
        "text": {"content": row["text"]},
    }  # fmt: skip
    if row.get("creator"):
        told["creator"] = row["creator"]
    pictures = [item["image"] for item in row["attachments"] if item["msgtype"] == "image"]
    if pictures:
        told["image"] = [{"media_id": item.get("media_id", "")} for item in pictures]
    for item in row["attachments"]:
        if item["msgtype"] != "image":
            told[item["msgtype"]] = item[item["msgtype"]]
    return told


def _moment(call: Call) -> Row:
    moment = call.world.moments.get(text(call.body, "moment_id", empty=41059))
    if moment is None:
        raise ApiError(41060)
    if _is_being_made(call, moment):
        raise ApiError(41079)
    return moment


def _is_being_made(call: Call, moment: Row) -> bool:
    """The corp's own posts are on their way to the members for a while."""
    takes: float = call.world.switches["moment_dispatch_s"]
    return bool(moment["jobid"]) and call.now - moment["create_time"] < takes


@endpoint("externalcontact/get_moment_task", needs=Needs.CUSTOMERS)
def get_moment_task(call: Call) -> Row:
    moment = _moment(call)
    rows = [
        {"userid": userid, "publish_status": int(at is not None)}
        for userid, at in moment["tasks"].items()
    ]
    size = page_size(call.body, default=500, most=1000)
    part, cursor = page(call, rows, size=size, scope=f"moment:{moment['moment_id']}")
    return {"task_list": part, "next_cursor": cursor}


def _own_task(call: Call) -> tuple[Row, str]:
    moment = _moment(call)
    userid = call.user(text(call.body, "userid"), errcode=40003)["userid"]
    if userid not in moment["tasks"]:
        raise ApiError(41061)
    return moment, userid


def _viewers(call: Call, moment: Row, userid: str) -> list[Row]:
    """Friends the post is shown to: all, or those with one of its tags."""
    wanted = set(moment.get("tags") or [])
    return [
        {"userid": userid, "external_userid": ident}
        for ident, follow in call.world.contacts_of(userid).items()
        if not wanted or wanted & set(follow["tag_ids"])
    ]


@endpoint("externalcontact/get_moment_customer_list", needs=Needs.CUSTOMERS)
def get_moment_customer_list(call: Call) -> Row:
    moment, userid = _own_task(call)
    size = page_size(call.body, default=500, most=1000)
    scope = f"viewers:{moment['moment_id']}:{userid}"
    part, cursor = page(call, _viewers(call, moment, userid), size=size, scope=scope)
    return {"customer_list": part, "next_cursor": cursor}


@endpoint("externalcontact/get_moment_send_result", needs=Needs.CUSTOMERS)
def get_moment_send_result(call: Call) -> Row:
    """Nobody can see what is not published."""
    moment, userid = _own_task(call)
    rows = _viewers(call, moment, userid) if moment["tasks"][userid] else []
    named = [{"external_userid": row["external_userid"]} for row in rows]
    size = page_size(call.body, default=3000, most=5000)
    part, cursor = page(call, named, size=size, scope=f"sent:{moment['moment_id']}:{userid}")
    return {"customer_list": part, "next_cursor": cursor}


@endpoint("externalcontact/get_moment_comments", needs=Needs.CUSTOMERS)
def get_moment_comments(call: Call) -> Row:
    """Who liked it and who wrote below it; never what they wrote."""
    moment, userid = _own_task(call)
    if not moment["tasks"][userid]:
        raise ApiError(41062)
    lists: dict[str, list[Row]] = {"comment": [], "like": []}
    for reply in call.world.moment_replies.get(moment["moment_id"], []):
        if reply["userid"] == userid:
            name = "userid" if reply["by"] == userid else "external_userid"
            lists[reply["kind"]].append({name: reply["by"], "create_time": int(reply["at"])})
    return {"comment_list": lists["comment"], "like_list": lists["like"]}
