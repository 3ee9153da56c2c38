"""Pictures, links and scripts' attachments of messages to groups and posts: chosen, shown, sent."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.customer_groups.models import GroupSend
from apps.guide_tasks.models import TaskPush
from apps.outreach.models import Attachment, MessageTemplate, MomentPost
from apps.stores.models import Posting
from tests.factories.facts import make_guide, make_store
from tests.factories.groups import make_group
from tests.factories.items import png
from tests.factories.outreach import CORP
from tests.hq.test_item_pushes import fields

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(fixed_clock, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    found = make_store()
    make_group(make_guide(found, corp=CORP), found, fixed_clock)
    return found


def picture(**look):
    return SimpleUploadedFile("shoe.png", png(**look), content_type="image/png")


def post(client, kind, **form):
    return client.post(reverse("hq:item_push_new", args=[kind]), form)


def test_nothing_goes_out_before_it_was_looked_at(operator_client, store, fixed_clock):
    form = fields(fixed_clock, body="周末新款到店")
    looked = post(operator_client, "group_send", **form, pictures=[picture(), picture(width=80)])

    page = looked.content.decode()
    assert "群里看到的样子" in page
    assert not TaskPush.objects.exists()
    kept = looked.context["extras"].kept_names
    assert len(kept) == 2
    for name in kept:
        assert reverse("hq:kept_picture", args=[name]) in page
    again = post(
        operator_client, "group_send", **{**form, "body": "改过的话"}, kept=kept,
        looked=looked.context["mark"],
    )  # fmt: skip
    assert "改过的话" in again.content.decode()
    assert not TaskPush.objects.exists()

    done = post(
        operator_client, "group_send", **{**form, "body": "改过的话"}, kept=kept,
        looked=again.context["mark"],
    )  # fmt: skip
    push = TaskPush.objects.get()
    assert done["Location"] == reverse("hq:push", args=[push.pk])
    send = GroupSend.objects.get()
    assert [piece["kind"] for piece in send.attachments] == ["image", "image"]
    shown = operator_client.get(done["Location"]).content.decode()
    assert shown.count("kept-picture") >= 2 or shown.count("/pictures/") >= 2


def test_a_picture_is_left_out_and_a_link_and_a_scripts_cover_go_with_it(
    operator_client, store, fixed_clock
):
    script = MessageTemplate.objects.create(name="小程序", body="您好")
    Attachment.objects.create(
        script=script, kind="miniprogram", title="门店小程序", appid="wx12", page="/a",
        picture=ContentFile(png(), name="cover.png"),
    )  # fmt: skip
    form = fields(fixed_clock, body="新款", link_title="看看", link_url="shop.example.com/a",
                  script=script.pk)  # fmt: skip
    first = post(operator_client, "group_send", **form, pictures=[picture()])
    kept = first.context["extras"].kept_names
    looked = post(operator_client, "group_send", **form, kept=kept, drop=kept)

    assert looked.context["extras"].kept_names == []
    kinds = [piece["kind"] for piece in looked.context["pieces"]]
    assert kinds == ["miniprogram", "link"]
    post(operator_client, "group_send", **form, looked=looked.context["mark"])
    assert TaskPush.objects.get().attachments[1]["url"] == "https://shop.example.com/a"


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        ("moments", {"link_title": "看"}, "链接要有标题和地址"),
        ("group_send", {"link_title": "看"}, "链接要有标题和地址"),
        ("group_send", {"link_title": "靴" * 43, "link_url": "https://a.example.com"}, "太长"),
    ],
)
def test_what_wecom_would_not_take_is_said_at_once_and_pictures_stay(
    operator_client, store, fixed_clock, kind, wrong, words
):
    answer = post(
        operator_client, kind, **fields(fixed_clock, body="新款"), **wrong, pictures=[picture()]
    )

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert len(answer.context["extras"].kept_names) == 1
    assert not TaskPush.objects.exists()


def test_a_link_in_moments_goes_out_with_one_picture_as_its_cover(
    operator_client, store, fixed_clock
):
    form = fields(fixed_clock, body="新款", link_title="看看", link_url="https://a.example.com")
    bare = post(operator_client, "moments", **form)
    assert bare.status_code == 400
    assert "要有封面" in bare.content.decode()
    many = post(operator_client, "moments", **form, pictures=[picture(), picture(width=80)])
    assert many.status_code == 400
    assert "1 个链接加 1 张封面图" in many.content.decode()

    looked = post(operator_client, "moments", **form, pictures=[picture()])
    (shown,) = looked.context["pieces"]
    assert reverse("hq:kept_picture", args=[shown["sealed"]]) in looked.content.decode()
    post(
        operator_client, "moments", **form,
        kept=looked.context["extras"].kept_names, looked=looked.context["mark"],
    )  # fmt: skip

    (piece,) = MomentPost.objects.get().attachments
    assert (piece["kind"], piece["title"]) == ("link", "看看")
    assert piece["file"] == shown["file"]


def test_ten_pictures_and_a_text_file_are_refused(operator_client, store, fixed_clock):
    form = fields(fixed_clock, body="新款")
    many = post(operator_client, "moments", **form, pictures=[picture() for _one in range(10)])
    assert many.status_code == 400
    assert "最多带 9 个附件" in many.content.decode()

    text = SimpleUploadedFile("a.png", b"no picture at all", content_type="image/png")
    wrong = post(operator_client, "moments", **form, pictures=[text])
    assert wrong.status_code == 400
    assert "a.png" in wrong.content.decode()


def test_a_posts_pictures_reach_its_row(operator_client, store, fixed_clock):
    form = fields(fixed_clock, body="新款")
    looked = post(operator_client, "moments", **form, pictures=[picture()])
    assert "朋友圈里的样子" in looked.content.decode()
    post(
        operator_client, "moments", **form,
        kept=looked.context["extras"].kept_names, looked=looked.context["mark"],
    )  # fmt: skip

    (row,) = MomentPost.objects.all()
    assert row.userids == [Posting.objects.get(store=store).guide.wecom_userid]
    assert [piece["kind"] for piece in row.attachments] == ["image"]


def test_no_address_of_a_foreign_form_is_taken_for_a_picture(operator_client, store, fixed_clock):
    form = fields(fixed_clock + timedelta(0), body="新款")
    looked = post(operator_client, "moments", **form, kept=["../secrets", "abc:def"])

    assert looked.context["extras"].kept_names == []
