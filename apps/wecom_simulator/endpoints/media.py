"""Temporary media: three days, shared by all apps of the corp."""

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, endpoint

LIFE_S = 3 * 86400
MB = 1024 * 1024
MOST = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}


SCENES = {"1": ("image", "video"), "2": ("image", "video", "file")}


@endpoint("media/upload", writes=True)
def media_upload(call: Call) -> Row:
    answer = _keep(call, call.query.get("type", ""))
    return {**answer, "created_at": str(answer["created_at"])}


@endpoint("media/upload_attachment", writes=True)
def upload_attachment(call: Call) -> Row:
    """For moments (1) or the product album (2); unlike above `created_at` is a number."""
    kinds = SCENES.get(call.query.get("attachment_type", ""))
    if kinds is None:
        raise ApiError(40058)
    kind = call.query.get("media_type", "")
    if kind not in kinds:
        raise ApiError(41072)
    return _keep(call, kind)


def _keep(call: Call, kind: str) -> Row:
    if kind not in MOST:
        raise ApiError(40058)
    upload = call.files.get("media")
    if upload is None or upload.size <= 5:
        raise ApiError(44001)
    if upload.size > MOST[kind]:
        raise ApiError(45001)
    media_id = new_id("sim_media_", 20)
    folder = call.host.state_dir / "media"
    folder.mkdir(exist_ok=True)
    (folder / media_id).write_bytes(upload.read())
    created = int(call.now)
    call.host.commit(
        "media",
        media_id=media_id,
        kind=kind,
        name=upload.name,
        size=upload.size,
        created_at=created,
    )
    call.effect = {"media_id": media_id, "size": upload.size}
    return {"type": kind, "media_id": media_id, "created_at": created}


@endpoint("media/get")
def media_get(call: Call) -> Row:
    """The gateway turns `file` into the binary answer."""
    media_id = call.query.get("media_id", "")
    row = call.world.media.get(media_id)
    if row is None or row["created_at"] < call.now - LIFE_S:
        raise ApiError(40007)
    return {"file": str(call.host.state_dir / "media" / media_id), "name": row["name"]}
