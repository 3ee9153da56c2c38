"""客户朋友圈: a job makes a post, members publish it on their phones."""

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


@endpoint("externalcontact/add_moment_task", needs=Needs.CUSTOMERS, writes=True)
def add_moment_task(call: Call) -> Row:
    """Members outside the app's range are left out; nobody left: refused."""
    content, extras = message_text(call, most_bytes=4 * MOST_TEXT), attachments(call)
    if not content and not extras:
        raise ApiError(41089)
    if len(content) > MOST_TEXT:
        raise ApiError(40058)
    wanted = call.body.get("visible_range") or {}
    senders = wanted.get("sender_list") if isinstance(wanted, dict) else None
    if not isinstance(senders, dict):
        raise ApiError(40063)
    asked = texts(senders, "user_list", most=100_000)
    visible, names = call.visible_users(), call.world.user_names
    real = [names.get(userid.lower(), "") for userid in asked]
    good = dict.fromkeys(userid for userid in real if userid in visible)
    moment_id, jobid = new_id("mom", 15), new_id("job", 15)
    call.host.commit("moment", moment={
        "moment_id": moment_id, "jobid": jobid, "create_time": call.now, "text": content,
        "attachments": extras, "tasks": dict.fromkeys(good),
        "invalid": [userid for userid, found in zip(asked, real, strict=True) if found not in good],
    })  # fmt: skip
    call.effect = {"jobid": jobid, "moment_id": moment_id, "senders": list(good)}
    return {"jobid": jobid}


@endpoint("externalcontact/get_moment_task_result", needs=Needs.CUSTOMERS)
def get_moment_task_result(call: Call) -> Row:
    """A job is known for a day."""
    jobid = call.query.get("jobid", "")
    moments = call.world.moments.values()
    moment = next((row for row in moments if row["jobid"] == jobid), None)
    if moment is None or moment["create_time"] < call.now - JOB_LIFE_S:
        raise ApiError(40058)
    result: Row = {
        "errcode": 0, "errmsg": "ok", "moment_id": moment["moment_id"],
        "invalid_sender_list": {"user_list": moment["invalid"], "department_list": []},
        "invalid_external_contact_list": {"tag_list": []},
    }  # fmt: skip
    if not moment["tasks"]:
        result.update(errcode=40003, errmsg="invalid userid", moment_id="")
    return {"status": 3, "type": "add_moment_task", "result": result}


@endpoint("externalcontact/get_moment_list", needs=Needs.CUSTOMERS)
def get_moment_list(call: Call) -> Row:
    start, end = number(call.body, "start_time", 0), number(call.body, "end_time", 0)
    if not start or end < start or end - start > MONTH_S:
        raise ApiError(40058)
    rows = [
        {
            "moment_id": row["moment_id"], "create_time": str(int(row["create_time"])),
            "create_type": 0, "visible_type": 1, "text": {"content": row["text"]},
        }
        for row in call.world.moments.values()
        if row["tasks"] and start <= int(row["create_time"]) <= end
    ]  # fmt: skip
    size = page_size(call.body, default=20, most=100)
    part, cursor = page(call, rows, size=size, scope=f"moments:{start}:{end}")
    return {"moment_list": part, "next_cursor": cursor}


@endpoint("externalcontact/get_moment_task", needs=Needs.CUSTOMERS)
def get_moment_task(call: Call) -> Row:
    moment = call.world.moments.get(text(call.body, "moment_id", empty=41059))
    if moment is None:
        raise ApiError(41060)
    rows = [
        {"userid": userid, "publish_status": int(at is not None)}
        for userid, at in moment["tasks"].items()
    ]
    size = page_size(call.body, default=500, most=1000)
    part, cursor = page(call, rows, size=size, scope=f"moment:{moment['moment_id']}")
    return {"task_list": part, "next_cursor": cursor}
