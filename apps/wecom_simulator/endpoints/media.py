"""Media: temporary ones for three days, shared by all apps of the corp; lasting pictures."""

from typing import Any

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, endpoint
from .measures import film_seconds, picture_size

LIFE_S = 3 * 86400
MB = 1024 * 1024
SMALLEST = 5
MOST = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}
MOST_PICTURE = 2 * MB
MOST_SECONDS = 30  # of a film in moments
SCENES = {"1": "moment", "2": "album"}
SCENE_KINDS = {"1": {"image", "video"}, "2": {"image", "video", "file"}}


@endpoint("media/upload", writes=True)
def media_upload(call: Call) -> Row:
    """For messages, mass sends and welcomes."""
    kind = call.query.get("type", "")
    if kind not in MOST:
        raise ApiError(40058)
    media_id = _keep(call, _upload(call, MOST[kind]), kind=kind)
    return {"type": kind, "media_id": media_id, "created_at": str(int(call.now))}


@endpoint("media/upload_attachment", writes=True)
def upload_attachment(call: Call) -> Row:
    """For moments (1) and product albums (2). Here `created_at` is a number."""
    kind, scene = call.query.get("media_type", ""), call.query.get("attachment_type", "")
    if scene not in SCENES:
        raise ApiError(40058)
    if kind not in SCENE_KINDS[scene]:
        raise ApiError(41072)
    upload = _upload(call, MOST[kind], too_large=41080)
    _check_measures(call, upload)
    media_id = _keep(call, upload, kind=kind, scene=SCENES[scene])
    return {"type": kind, "media_id": media_id, "created_at": int(call.now)}


@endpoint("media/uploadimg", writes=True)
def uploadimg(call: Call) -> Row:
    """A picture that stays, with an address of its own."""
    media_id = _keep(call, _upload(call, MOST_PICTURE), kind="image", lasting=True)
    return {"url": f"{call.host.own_url}/media/{media_id}"}


def _upload(call: Call, most: int, *, too_large: int = 45001) -> Any:
    upload = call.files.get("media")
    if upload is None or upload.size <= SMALLEST:
        raise ApiError(44001)
    if upload.size > most:
        raise ApiError(too_large)
    return upload


def _check_measures(call: Call, upload: Any) -> None:
    content, most = upload.read(), call.world.switches["picture_side_most"]
    upload.seek(0)
    size, seconds = picture_size(content), film_seconds(content)
    if most is not None and size is not None and max(size) > most:
        raise ApiError(41081)
    if seconds is not None and seconds > MOST_SECONDS:
        raise ApiError(41082)


def _keep(call: Call, upload: Any, **row: Any) -> str:
    """The bytes into the state folder, the rest into the world."""
    media_id = new_id("sim_media_", 20)
    folder = call.host.state_dir / "media"
    folder.mkdir(exist_ok=True)
    (folder / media_id).write_bytes(upload.read())
    created = int(call.now)
    call.host.commit(
        "media", media_id=media_id, name=upload.name, size=upload.size, created_at=created, **row
    )
    call.effect = {"media_id": media_id, "size": upload.size}
    return media_id


@endpoint("media/get")
def media_get(call: Call) -> Row:
    """The gateway turns `file` into the binary answer."""
    media_id = call.query.get("media_id", "")
    row = call.world.media.get(media_id)
    if row is None or row["created_at"] < call.now - LIFE_S:
        raise ApiError(40007)
    return {"file": str(call.host.state_dir / "media" / media_id), "name": row["name"]}
