import io
from datetime import timedelta

import pytest

from apps.wecom import client as wecom
from apps.wecom import services
from apps.wecom.errors import Refused
from apps.wecom.shapes import AttachmentScene, MediaKind

PICTURE = b"\x89PNG" + bytes(range(256)) * 40


@pytest.fixture
def wc(db, simulator):
    services.ensure_demo_corp()
    yield wecom.client_for()
    simulator.post("/sim/faults/clear")


def upload(wc, content=PICTURE):
    return wc.upload(
        kind=MediaKind.IMAGE, name="poster.png", content=io.BytesIO(content), type_="image/png"
    )


def uploads(simulator):
    return [call for call in simulator.calls() if "media/upload" in call["path"]]


def test_a_picture_is_uploaded_and_good_for_three_days(wc, simulator):
    media = upload(wc)

    assert media.media_id
    assert media.expires_at - media.created_at == timedelta(days=3)
    (call,) = uploads(simulator)
    assert call["body"]["media"] == {"filename": "poster.png", "size": len(PICTURE)}


@pytest.mark.slow
@pytest.mark.parametrize("errcode", [40014, 42001, -1])
def test_a_repeated_upload_sends_the_whole_file_again(wc, simulator, errcode):
    simulator.post("/sim/faults", path="media/upload", errcode=errcode)

    media = upload(wc)

    assert media.media_id
    assert [call["body"]["media"]["size"] for call in uploads(simulator)] == [len(PICTURE)] * 2


def test_a_picture_for_a_post_goes_its_own_way(wc, simulator):
    media = wc.upload_attachment(
        kind=MediaKind.IMAGE,
        scene=AttachmentScene.MOMENTS,
        name="poster.png",
        content=io.BytesIO(PICTURE),
        type_="image/png",
    )

    assert media.created_at.tzinfo is not None
    assert uploads(simulator)[0]["path"] == "media/upload_attachment"


@pytest.mark.parametrize(("content", "errcode"), [(b"tiny", 44001), (bytes(10485761), 45001)])
def test_what_wecom_would_not_take_is_not_uploaded(wc, simulator, content, errcode):
    with pytest.raises(Refused) as caught:
        upload(wc, content)

    assert caught.value.errcode == errcode
    assert not uploads(simulator)
