"""客户朋友圈 on the phones: members publish, their friends like and comment."""

from ..host import Host, new_id
from ..world import Row, World
from .base import ActionError, require_friends, require_user

KINDS = ("like", "comment")


def publish_moment(host: Host, data: Row) -> Row:
    """A member publishes a post in their moments: {userid, moment_id}."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        moment = world.moments.get(str(data.get("moment_id")))
        if moment is None or userid not in moment["tasks"]:
            raise ActionError("This member has no such post.")
        if moment["tasks"][userid] is None:
            if moment.get("cancelled_at"):
                raise ActionError("The corp took this post back.")
            host.commit("moment_published", moment_id=moment["moment_id"], userid=userid)
        return {"published": moment["moment_id"], "userid": userid}


def create_personal_moment(host: Host, userid: str, data: Row) -> Row:
    """A page hands the member a post of their own: {text: {content}, attachments}."""
    with host.transaction() as world:
        who = require_user(world, userid)["userid"]
        moment: Row = {
            "moment_id": new_id("mom", 15), "jobid": None, "create_time": host.now(),
            "text": str((data.get("text") or {}).get("content", "")), "tasks": {who: None},
            "attachments": data.get("attachments") or [], "invalid": [], "invalid_parties": [],
            "tags": [], "invalid_tags": [], "cancelled_at": None, "create_type": 1, "creator": who,
        }  # fmt: skip
        host.commit("moment", moment=moment)
        return {"moment_id": moment["moment_id"]}


def answer_moment(host: Host, data: Row) -> Row:
    """A friend likes or comments: {moment_id, userid, external_userid, kind, text}."""
    with host.transaction() as world:
        userid, ident = require_friends(world, data)
        moment = world.moments.get(str(data.get("moment_id")))
        if moment is None or not moment["tasks"].get(userid) or not shown_to(world, moment, ident):
            raise ActionError("This friend sees no such post.")
        kind, text = data.get("kind", "like"), str(data.get("text") or "")
        if kind not in KINDS or (kind == "comment" and not text):
            raise ActionError("A like, or a comment with a text.")
        known = world.moment_replies.get(moment["moment_id"], [])
        if kind == "like" and any(_same(row, "like", userid, ident) for row in known):
            return {"already_liked": True}
        reply = {"kind": kind, "userid": userid, "by": ident, "text": text}
        host.commit("moment_reply", moment_id=moment["moment_id"], reply=reply)
        return {"kind": kind}


def _same(row: Row, kind: str, userid: str, ident: str) -> bool:
    return (row["kind"], row["userid"], row["by"]) == (kind, userid, ident)


def shown_to(world: World, moment: Row, external_userid: str) -> bool:
    """A post for certain tags is shown to friends who carry one of them."""
    wanted = set(moment.get("tags") or [])
    follows = world.follows.get(external_userid, {}).values()
    return not wanted or any(wanted & set(follow["tag_ids"]) for follow in follows)
