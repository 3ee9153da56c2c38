"""Head office gives a script what goes out beside its words."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.outreach.models import Attachment, MessageTemplate
from tests.factories.items import png

pytestmark = pytest.mark.django_db


@pytest.fixture
def script(db):
    return MessageTemplate.objects.create(name="秋冬新款", body="您好", generic_body="您好")


def save(client, script, rows, **changes):
    data = {
        "name": script.name,
        "body": "您好",
        "generic_body": "您好",
        "is_active": "on",
        **changes,
    }
    first = Attachment.objects.filter(script=script).count()
    data |= {
        "attachments-TOTAL_FORMS": len(rows),
        "attachments-INITIAL_FORMS": first,
        "attachments-MIN_NUM_FORMS": 0,
        "attachments-MAX_NUM_FORMS": 1000,
    }
    for number, row in enumerate(rows):
        fields = {"kind": "link", "place": number + 1, **row}
        data |= {f"attachments-{number}-{name}": value for name, value in fields.items()}
    return client.post(reverse("admin:outreach_messagetemplate_change", args=[script.pk]), data)


LINK = {"title": "秋冬画册", "url": "shop.example.com/a"}


def test_a_link_and_a_picture_are_saved_and_the_picture_is_shown(operator_client, script):
    picture = SimpleUploadedFile("客户张三.png", png())

    answer = save(operator_client, script, [LINK, {"kind": "image", "picture": picture}])

    assert answer.status_code == 302, answer.context["errors"]
    link, image = script.attachments.all()
    assert link.url == "https://shop.example.com/a"
    assert image.picture.name.startswith("attachments/")
    assert "张三" not in image.picture.name
    page = operator_client.get(
        reverse("admin:outreach_messagetemplate_change", args=[script.pk])
    ).content.decode()
    address = reverse("hq:attachment_picture", args=[image.pk])
    assert address in page
    assert operator_client.get(address)["Content-Type"] == "image/png"
    assert AuditEntry.objects.filter(action="messagetemplate.changed").exists()


def test_a_tenth_is_refused_in_words(operator_client, script):
    page = save(operator_client, script, [LINK] * 10).content.decode()

    assert "一条消息最多带 9 个附件。" in page
    assert not Attachment.objects.exists()
    assert save(operator_client, script, [LINK] * 9).status_code == 302


def test_a_title_of_too_many_bytes_and_a_file_that_is_no_picture_are_refused(
    operator_client, script
):
    wrong = SimpleUploadedFile("a.png", b"not a picture at all")
    rows = [{**LINK, "title": "新" * 43}, {"kind": "image", "picture": wrong}]

    page = save(operator_client, script, rows).content.decode()

    assert "最多 128 字节（一个汉字 3 字节），现在是 129。" in page
    assert "企微不收这种图片" in page
    assert not Attachment.objects.exists()


def test_a_welcome_message_takes_them_too(operator_client, script):
    assert save(operator_client, script, [LINK], is_welcome="on").status_code == 302

    script.refresh_from_db()
    assert script.is_welcome
    assert [row.kind for row in script.attachments.all()] == ["link"]


def test_the_page_asks_as_often_for_nine_as_for_one(
    operator_client, script, django_assert_max_num_queries
):
    address = reverse("admin:outreach_messagetemplate_change", args=[script.pk])
    for place in range(9):
        script.attachments.create(kind="link", title="一", url="https://a.example.com", place=place)
    operator_client.get(address)
    with django_assert_max_num_queries(20) as asked:
        operator_client.get(address)
    many = len(asked)
    script.attachments.filter(place__gt=0).delete()
    with django_assert_max_num_queries(many):
        operator_client.get(address)
