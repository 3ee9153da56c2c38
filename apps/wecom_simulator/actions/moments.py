"""客户朋友圈 on the phone."""

from ..host import Host
from ..world import Row
from .base import ActionError, require_user


def publish_moment(host: Host, data: Row) -> Row:
    """A member publishes a post in their moments: {userid, moment_id}."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        moment = world.moments.get(str(data.get("moment_id")))
        if moment is None or userid not in moment["tasks"]:
            raise ActionError("This member has no such post.")
        if moment["tasks"][userid] is None:
            host.commit("moment_published", moment_id=moment["moment_id"], userid=userid)
        return {"published": moment["moment_id"], "userid": userid}
