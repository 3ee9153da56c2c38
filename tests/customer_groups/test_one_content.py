"""The same words and pictures by two ways: to a friend alone and into groups, one contract."""

from datetime import time, timedelta

import pytest
from django.core.files.base import ContentFile

from apps.core import clock
from apps.customer_groups import services as customer_groups
from apps.guide_tasks.models import TaskPush
from apps.members.models import Member
from apps.outreach import services as outreach
from apps.outreach.models import (
    Attachment,
    DispatchRecipient,
    MediaUpload,
    MessageTemplate,
    TrackedLink,
)
from apps.outreach.selectors import attachments_of
from apps.wecom_sync.services import poll_group_sends, poll_results
from tests.factories.items import make_item_push, png
from tests.factories.tasks import hand_out, tap, target_of

pytestmark = pytest.mark.django_db
TEXT = "门店到了新靴，周末来试。"
LINK = {"title": "秋冬新款", "summary": "三款新靴", "url": "https://shop.example.com/a"}


@pytest.fixture
def script(db):
    found = MessageTemplate.objects.create(name="秋冬新款", body=TEXT, generic_body=TEXT)
    Attachment.objects.create(script=found, kind="link", **LINK)
    picture = ContentFile(png(), name="photo.png")
    Attachment.objects.create(script=found, place=2, kind="image", picture=picture)
    return found


def test_one_script_goes_to_a_friend_and_into_a_group_with_the_same_content(
    guide, simulator, open_group, script
):
    group = open_group(guide)
    friend = Member.objects.get()
    begun = clock.now()
    pieces = attachments_of(script_id=script.pk)

    whole_day = {"contact_from": time(0), "contact_until": time(23, 59)}
    push = hand_out([friend], begun, template=script, body="", generic_body="", **whole_day)
    alone = tap(target_of(push, friend), begun)
    make_item_push(begun, kind=TaskPush.Kind.GROUP_SEND, body=TEXT, attachments=pieces)
    soon = clock.now() + timedelta(seconds=2)
    outreach.send_queued(now=soon)
    customer_groups.hand_over_sends(now=soon)

    to_friend, to_group = (
        next(
            call["body"]
            for call in simulator.calls("externalcontact/add_msg_template")
            if call["body"]["chat_type"] == kind
        )
        for kind in ("single", "group")
    )
    assert to_group["chat_id_list"] == [group.chat_id]
    assert to_group["text"]["content"] == TEXT
    assert to_friend["text"]["content"].startswith(TEXT)
    ways = [body["attachments"][0]["link"].pop("url") for body in (to_friend, to_group)]
    assert to_friend["attachments"] == to_group["attachments"]
    assert len(set(ways)) == 2  # whom a tap is booked to is known for each
    for way in ways:
        assert TrackedLink.objects.get(code=way.split("/")[-2]).address == LINK["url"]
    assert [piece["msgtype"] for piece in to_group["attachments"]] == ["link", "image"]
    assert MediaUpload.objects.count() == 1

    for send in simulator.get("/sim/sends")["sends"]:
        simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=send["msgid"])
    later = clock.now() + timedelta(hours=1)
    poll_results(now=later)
    poll_group_sends(now=later)
    assert DispatchRecipient.objects.get(dispatch=alone).state == "delivered"
    assert target_of(push, friend).state == "done"
