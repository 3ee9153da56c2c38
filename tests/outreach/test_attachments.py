"""What goes out beside a script's words: links, pictures and mini programs, on WeCom's phone."""

from datetime import timedelta
from urllib.request import urlopen

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core import clock, lease
from apps.outreach import attachments, scripts
from apps.outreach import services as outreach
from apps.outreach.admin import AttachmentForm
from apps.outreach.models import (
    Attachment,
    Dispatch,
    DispatchRecipient,
    MediaUpload,
    TrackedLink,
)
from apps.outreach.models import MessageTemplate as Script
from apps.outreach.selectors import attachments_of
from apps.outreach.services import handover, media
from apps.outreach.services.links import link_address
from apps.wecom_sync.services import poll_results
from tests.factories import outreach as make
from tests.factories.items import png
from tests.factories.wecom import pauses_are_over

pytestmark = pytest.mark.django_db

ADD, UPLOAD = "externalcontact/add_msg_template", "media/upload"
State, Result = Dispatch.State, DispatchRecipient.State


@pytest.fixture
def script(db):
    return Script.objects.create(name="秋冬新款", body="您好", generic_body="您好")


@pytest.fixture
def link(script):
    return Attachment.objects.create(
        script=script,
        kind="link",
        title="秋冬新款",
        summary="三款新靴",
        url="https://shop.example.com/a",
    )


@pytest.fixture
def picture(script):
    return Attachment.objects.create(
        script=script, place=2, kind="image", picture=ContentFile(png(), name="photo.png")
    )


def asked(guide, friends, script, **changes):
    return make.request_send(
        guide, friends, attachments=attachments_of(script_id=script.pk), **changes
    )


def state_of(dispatch):
    dispatch.refresh_from_db()
    return dispatch.state


def mass_sends(simulator):
    return simulator.get("/sim/sends")["sends"]


# --- on the way -----------------------------------------------------------------------------------


def test_the_customer_gets_words_link_picture_and_mini_program(
    guide, simulator, script, link, picture
):
    Attachment.objects.create(
        script=script,
        place=3,
        kind="miniprogram",
        title="门店小程序",
        appid="wx12",
        page="/pages/a",
        picture=ContentFile(png(), name="cover.png"),
    )
    friends = make.make_friends(guide, simulator=simulator)
    dispatch = asked(guide, friends, script)

    assert outreach.send_queued(now=clock.now()) == 1
    dispatch.refresh_from_db()
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=dispatch.msgid)
    poll_results(now=clock.now() + timedelta(minutes=2))

    assert state_of(dispatch) == State.DELIVERED
    (shown,) = mass_sends(simulator)
    assert shown["text"] == dispatch.text
    first, second, third = shown["attachments"]
    assert first["link"] == {
        "title": "秋冬新款",
        "desc": "三款新靴",
        "url": link_address(TrackedLink.objects.exclude(address="").get().code),
    }
    assert second["image"]["media_id"].startswith("sim_media_")
    assert third["miniprogram"]["appid"] == "wx12"
    code = TrackedLink.objects.get(dispatch=dispatch, address="").code
    assert third["miniprogram"]["page"] == f"/pages/a?link_code={code}"
    with urlopen(f"{simulator.url}/phone/customer/{friends[0][1]}/", timeout=5) as answer:
        phone = answer.read().decode()
    assert f"/media/{second['image']['media_id']}" in phone
    assert "秋冬新款" in phone


def test_a_picture_is_uploaded_once_and_anew_when_it_ends(guide, simulator, script, picture):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    for _one in range(2):
        asked(guide, friends, script)
    assert outreach.send_queued(now=now) == 2
    assert len(simulator.calls(UPLOAD)) == 1

    MediaUpload.objects.update(expires_at=now + timedelta(minutes=5))
    asked(guide, friends, script)
    assert outreach.send_queued(now=now) == 1

    assert len(simulator.calls(UPLOAD)) == 2
    assert len({send["attachments"][0]["image"]["media_id"] for send in mass_sends(simulator)}) == 2


def test_a_change_of_the_script_changes_no_message_on_its_way(guide, simulator, script, link):
    dispatch = asked(guide, make.make_friends(guide, simulator=simulator), script)
    link.delete()

    outreach.send_queued(now=clock.now())

    assert state_of(dispatch) == State.HANDED_OVER
    (shown,) = mass_sends(simulator)
    assert shown["attachments"][0]["link"]["title"] == "秋冬新款"


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"http_status": 502}, {"errcode": 45009}, {"errcode": -1}])
def test_an_upload_that_does_not_work_puts_the_send_off_and_nothing_goes_twice(
    guide, simulator, script, picture, fault
):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    dispatch = asked(guide, friends, script, now=now, not_before=now)
    simulator.post("/sim/faults", path=UPLOAD, times=9, **fault)

    assert outreach.send_queued(now=now) == 0
    assert state_of(dispatch) == State.PLANNED
    assert dispatch.not_before > now
    assert dispatch.call_started_at is None
    assert simulator.calls(ADD) == []

    simulator.post("/sim/faults/clear")
    pauses_are_over()
    for minute in (30, 31):
        outreach.send_queued(now=now + timedelta(minutes=minute))
    assert state_of(dispatch) == State.HANDED_OVER
    assert len(mass_sends(simulator)) == 1


def test_a_worker_that_dies_after_the_upload_leaves_one_message(guide, simulator, script, picture):
    now = clock.now()
    dispatch = asked(guide, make.make_friends(guide, simulator=simulator), script)
    token, (pk,) = handover.claim_due(now=now, limit=1)
    mine = lease.holds(Dispatch.objects.filter(pk=pk), token)
    media.attached(mine=mine, run=handover.Round(now), seconds=handover.LEASE_SECONDS)

    outreach.send_queued(now=now + timedelta(minutes=10))

    assert state_of(dispatch) == State.HANDED_OVER
    assert (len(mass_sends(simulator)), len(simulator.calls(UPLOAD))) == (1, 1)


def test_a_worker_without_its_lease_uploads_and_sends_nothing(guide, simulator, script, picture):
    now = clock.now()
    asked(guide, make.make_friends(guide, simulator=simulator), script)
    slow, (pk,) = handover.claim_due(now=now, limit=1)
    later = now + timedelta(hours=1)
    handover.claim_due(now=later, limit=1)

    assert not handover.hand_over(dispatch_id=pk, token=slow, run=handover.Round(later))
    assert simulator.calls(UPLOAD) == simulator.calls(ADD) == []


def test_a_picture_wecom_has_no_more_is_uploaded_anew(guide, simulator, script, picture):
    friends, now = make.make_friends(guide, simulator=simulator), clock.now()
    MediaUpload.objects.create(
        corp_id=guide.corp_id,
        file=picture.picture.name,
        media_id="gone",
        expires_at=now + timedelta(days=2),
    )
    dispatch = asked(guide, friends, script)

    assert outreach.send_queued(now=now) == 0
    assert state_of(dispatch) == State.PLANNED
    assert outreach.send_queued(now=now + timedelta(minutes=5)) == 1

    assert state_of(dispatch) == State.HANDED_OVER
    assert len(mass_sends(simulator)) == 1


def test_a_send_whose_picture_is_gone_ends_with_that_reason(guide, simulator, script, picture):
    dispatch = asked(guide, make.make_friends(guide, simulator=simulator), script)
    picture.picture.storage.delete(picture.picture.name)

    outreach.send_queued(now=clock.now())

    assert state_of(dispatch) == State.FAILED
    assert "图片" in dispatch.reason
    assert dispatch.recipients.get().state == Result.REFUSED


# --- limits ---------------------------------------------------------------------------------------


def test_a_tenth_attachment_is_refused(guide, script):
    for place in range(10):
        Attachment.objects.create(
            script=script, place=place, kind="link", title="一", url="https://a.example.com"
        )

    with pytest.raises(attachments.TooManyAttachments):
        asked(guide, make.make_friends(guide), script)
    assert not Dispatch.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "link", "title": "新" * 43, "url": "https://a.example.com"}, "title"),
        (
            {"kind": "link", "title": "新", "url": "https://a.example.com", "summary": "新" * 171},
            "summary",
        ),
        ({"kind": "link", "title": "新款"}, "__all__"),
        ({"kind": "image", "title": "新款"}, "__all__"),
        ({"kind": "miniprogram", "title": "新款", "appid": "wx1", "page": "/a"}, "__all__"),
        ({"kind": "miniprogram", "title": "新" * 22, "appid": "wx1", "page": "/a"}, "title"),
    ],
)
def test_wecoms_bytes_and_what_a_kind_needs_are_asked_for(script, fields, wrong):
    with pytest.raises(ValidationError) as found:
        Attachment(script=script, **fields).full_clean()
    assert wrong in found.value.message_dict


def uploaded(script, raw):
    form = AttachmentForm(
        {"kind": "image", "place": 1}, {"picture": SimpleUploadedFile("a.png", raw)}
    )
    form.instance.script = script
    return form


def test_a_picture_is_kept_without_what_the_camera_wrote_into_it(script):
    note = b"\0\0\0\4tEXtGPS1\0\0\0\0"
    form = uploaded(script, png(extra=note))
    assert form.is_valid(), form.errors
    with form.save().picture.open() as kept:
        assert b"GPS1" not in kept.read()


@pytest.mark.parametrize("raw", [b"GIF89a" + b"\0" * 40, png() + b"\0" * (2 * 1024 * 1024)])
def test_what_is_no_picture_or_too_large_is_refused(script, raw):
    assert "picture" in uploaded(script, raw).errors


def test_words_that_would_not_fit_with_names_and_link_are_refused():
    scripts.validate_script("很" * 1000)
    with pytest.raises(scripts.TooManyBytes):
        scripts.validate_script("👢" * 1000)


# --- kept at WeCom --------------------------------------------------------------------------------


def test_pictures_in_use_lie_at_wecom_before_anybody_needs_them(corp, simulator, script, picture):
    now = clock.now()
    assert media.keep_pictures(now=now) == 1
    assert media.keep_pictures(now=now + timedelta(hours=1)) == 0
    assert media.keep_pictures(now=now + timedelta(days=2)) == 1
    Script.objects.update(is_active=False)
    assert media.keep_pictures(now=now + timedelta(days=9)) == 0


def test_a_corp_that_does_not_answer_is_asked_at_the_next_bell(corp, simulator, script, picture):
    simulator.post("/sim/faults", path=UPLOAD, errcode=45009, times=9)
    assert media.keep_pictures(now=clock.now()) == 0
    simulator.post("/sim/faults/clear")
    pauses_are_over()
    assert media.keep_pictures(now=clock.now()) == 1


def test_a_refused_picture_stops_no_other_and_is_not_counted(corp, simulator, script):
    for _one in range(3):
        Attachment.objects.create(
            script=script, kind="image", picture=ContentFile(png(), name="photo.png")
        )
    gone = Attachment.objects.latest("pk").picture
    gone.storage.delete(gone.name)
    simulator.post("/sim/faults", path=UPLOAD, errcode=40009, times=1)

    assert media.keep_pictures(now=clock.now()) == 1
    assert MediaUpload.objects.count() == 1
    assert len(simulator.calls(UPLOAD)) == 2
