"""Temporary media: three days, shared by all apps of the corp."""

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, endpoint

LIFE_S = 3 * 86400
MB = 1024 * 1024
MOST = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}


@endpoint("media/upload", writes=True)
def media_upload(call: Call) -> Row:
    kind = call.query.get("type", "")
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
    return {"type": kind, "media_id": media_id, "created_at": str(created)}


@endpoint("media/get")
def media_get(call: Call) -> Row:
    """The gateway turns `file` into the binary answer."""
    media_id = call.query.get("media_id", "")
    row = call.world.media.get(media_id)
    if row is None or row["created_at"] < call.now - LIFE_S:
        raise ApiError(40007)
    return {"file": str(call.host.state_dir / "media" / media_id), "name": row["name"]}
