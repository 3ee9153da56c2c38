"""Files for messages and posts. Uploading twice only leaves a copy that ends by itself."""

from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import NoAnswer, Refused
from apps.wecom.shapes import AttachmentScene, Media, MediaKind

MB = 1024 * 1024
LEAST_BYTES = 6
MOST_BYTES = {
    MediaKind.IMAGE: 10 * MB,
    MediaKind.VOICE: 2 * MB,
    MediaKind.VIDEO: 10 * MB,
    MediaKind.FILE: 20 * MB,
}
LIFE = timedelta(days=3)


class MediaFiles(Transport):
    def upload(self, *, kind: MediaKind, name: str, content: BinaryIO, type_: str) -> Media:
        """A file for mass sends, welcomes and messages. `type_` is its content type."""
        return self._upload("media/upload", {"type": str(kind)}, kind, name, content, type_)

    def upload_attachment(
        self,
        *,
        kind: MediaKind,
        scene: AttachmentScene,
        name: str,
        content: BinaryIO,
        type_: str,
    ) -> Media:
        """A file for moments or the album; its id is good for nothing else."""
        if kind not in (MediaKind.IMAGE, MediaKind.VIDEO) and scene is AttachmentScene.MOMENTS:
            raise Refused("upload_attachment: image or video", errcode=41072)
        params: Json = {"media_type": str(kind), "attachment_type": int(scene)}
        return self._upload("media/upload_attachment", params, kind, name, content, type_)

    def _upload(
        self, path: str, params: Json, kind: MediaKind, name: str, content: BinaryIO, type_: str
    ) -> Media:
        size = content.seek(0, 2)
        if size < LEAST_BYTES:
            raise Refused(f"{path}: empty", errcode=44001)
        if size > MOST_BYTES[kind]:
            raise Refused(f"{path}: too large", errcode=45001)
        answer = self._call(
            path, params=params, files={"media": (name, content, type_)}, effect=False
        )
        if not answer.get("media_id"):
            raise NoAnswer(f"{path}: no media_id", outcome_unknown=False)
        # a string here and a number there
        created = datetime.fromtimestamp(int(answer["created_at"]), tz=UTC)
        return Media(
            media_id=answer["media_id"], kind=kind, created_at=created, expires_at=created + LIFE
        )
