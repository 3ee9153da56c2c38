"""Photos of complaints: few, each once, for who may see the complaint, gone with the words."""

import uuid

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.cases import errors, services
from apps.cases.models import CasePhoto, ServiceCase
from apps.cases.selectors import all_of
from apps.core.photos import MAX_BYTES, PhotoRefused, PhotoTooLarge
from tests.factories.cases import complain, lead_actor, settle, show_photo
from tests.factories.items import jpeg, png
from tests.factories.tasks import guide_actor
from tests.guide_portal.conftest import open_shop, signed_in

pytestmark = pytest.mark.django_db
SHADES = [(n * 40, 90, 90) for n in range(5)]


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def files(*raws):
    return [SimpleUploadedFile(f"IMG_{n}.jpg", raw) for n, raw in enumerate(raws)]


def act(**fields):
    return {"client_id": str(uuid.uuid4()), **fields}


def test_three_at_most_and_the_same_picture_once(shop):
    case = complain(shop.members[0], shop.guide, shop.now)
    shades = [png(colour=one) for one in SHADES]

    def add(*raws):
        actor = guide_actor(shop.guide, shop.now)
        return services.add_photos(case_id=case.pk, raws=raws, actor=actor, now=shop.now)

    assert len(add(shades[0], shades[1])) == 2
    assert add(shades[0], shades[1]) == []
    with pytest.raises(errors.PhotosEnough):
        add(shades[2], shades[3])
    with pytest.raises(errors.PhotosEnough):
        add(*shades[:4])
    assert len(add(shades[1], shades[2])) == 1
    assert CasePhoto.objects.filter(case=case).count() == 3
    assert AuditEntry.objects.filter(action="case.photos").count() == 2
    assert len(all_of(member_ids=[case.member_id])[0].photos.all()) == 3


def test_a_closed_complaint_takes_no_new_photo_but_knows_its_own(shop):
    case = complain(shop.members[0], shop.guide, shop.now)
    show_photo(case, shop.guide, shop.now)
    settle(case, shop.manager, shop.now)

    assert show_photo(case, shop.guide, shop.now) == []
    with pytest.raises(errors.ClosedForPhotos):
        show_photo(case, shop.guide, shop.now, raw=jpeg())


def test_no_picture_and_one_too_large_are_refused_and_notes_are_not_kept(shop):
    case = complain(shop.members[0], shop.guide, shop.now)
    with pytest.raises(PhotoRefused):
        show_photo(case, shop.guide, shop.now, raw=b"<html>")
    with pytest.raises(PhotoTooLarge):
        show_photo(case, shop.guide, shop.now, raw=jpeg() + b"\0" * MAX_BYTES)
    assert not CasePhoto.objects.exists()

    (row,) = show_photo(case, shop.guide, shop.now, raw=jpeg(exif=b"GPS 31.2304 121.4737"))
    with row.photo.open("rb") as kept:
        assert b"GPS" not in kept.read()
    assert row.photo.name.startswith("complaints/")


def test_who_is_forgotten_leaves_no_photo(shop, django_capture_on_commit_callbacks):
    case = complain(shop.members[0], shop.guide, shop.now)
    other = complain(shop.members[1], shop.guide, shop.now)
    (row,), (stays,) = (show_photo(one, shop.guide, shop.now) for one in (case, other))
    name = row.photo.name

    with django_capture_on_commit_callbacks(execute=True):
        services.forget_members(member_ids=[case.member_id], now=shop.now)

    assert list(CasePhoto.objects.all()) == [stays]
    assert not default_storage.exists(name)
    assert default_storage.exists(stays.photo.name)


def test_from_the_form_with_a_photo_to_the_page_and_sent_twice_once(shop, phone):
    page = url("open_case", shop.members[0].public_id)
    assert 'enctype="multipart/form-data"' in phone.get(page).content.decode()
    fields = act(kind="quality", words="拉链坏了")
    for _twice in range(2):
        answer = phone.post(page, {**fields, "photo": files(png(), jpeg())})

    case = ServiceCase.objects.get()
    assert answer["Location"] == url("case", case.pk)
    assert case.photos.count() == 2
    text = phone.get(url("case", case.pk)).content.decode()
    for photo in case.photos.all():
        assert url("case_photo", photo.pk) in text
    shown = phone.get(url("case_photo", case.photos.order_by("pk")[0].pk))
    assert (shown["Content-Type"], shown.content) == ("image/png", png())
    assert "no-store" in shown["Cache-Control"]


@pytest.mark.parametrize("sent", [(b"<html>",), (b"",), (png(), b"GIF89a"), (png(),) * 4])
def test_a_wrong_file_is_said_in_words_and_nothing_typed_is_lost(shop, phone, sent):
    page = url("open_case", shop.members[0].public_id)

    answer = phone.post(page, act(kind="size", words="太小", photo=files(*sent)))

    text = answer.content.decode()
    assert answer.status_code == 409
    assert "这不是能读取的照片" in text or "最多 3 张照片" in text
    assert "太小</textarea>" in text
    assert 'value="size" required checked' in text
    assert "请重新选择照片" in text
    assert not ServiceCase.objects.exists()


def test_photos_come_later_and_a_wrong_one_is_said_in_words(shop, phone):
    case = complain(shop.members[0], shop.guide, shop.now)
    to = url("add_case_photos", case.pk)

    for photo, words in ((files(b"<html>"), "这不是能读取的照片"), ([], "请先选一张照片")):
        answer = phone.post(to, act(photo=photo))
        assert words in answer.content.decode()
        assert answer.status_code in (400, 409)
    for _twice in range(2):
        assert phone.post(to, act(photo=files(png())))["Location"] == url("case", case.pk)
    assert case.photos.count() == 1
    phone.post(to, act(photo=files(jpeg(), png(colour=SHADES[1]))))
    assert to not in phone.get(url("case", case.pk)).content.decode()


def test_only_who_sees_the_complaint_sees_its_photo(shop, phone, managers_phone, admin_client):
    case = complain(shop.members[0], shop.guide, shop.now)
    (row,) = show_photo(case, shop.guide, shop.now)
    stranger = open_shop(shop.now)

    for client, status in (
        (phone, 200),
        (managers_phone, 200),
        (signed_in(shop.colleague), 404),
        (signed_in(stranger.manager), 404),
    ):
        assert client.get(url("case_photo", row.pk)).status_code == status
    answer = signed_in(shop.colleague).post(
        url("add_case_photos", case.pk), act(photo=files(jpeg()))
    )
    assert (answer.status_code, case.photos.count()) == (404, 1)
    actor = lead_actor(stranger.manager, shop.now)
    with pytest.raises(ServiceCase.DoesNotExist):
        services.add_photos(case_id=case.pk, raws=[jpeg()], actor=actor, now=shop.now)
    head = reverse("hq:case_photo", args=[row.pk])
    assert head in admin_client.get(reverse("hq:case", args=[case.pk])).content.decode()
    assert admin_client.get(head).content == png()


def test_the_pages_ask_as_often_for_three_photos_as_for_one(shop, managers_phone, admin_client):
    case = complain(shop.members[0], shop.guide, shop.now)
    pages = (
        (managers_phone, url("case", case.pk)),
        (admin_client, reverse("hq:case", args=[case.pk])),
    )

    def questions():
        counts = []
        for client, page in pages:
            client.get(page)
            with CaptureQueriesContext(connection) as asked:
                client.get(page)
            counts.append(len(asked))
        return counts

    show_photo(case, shop.guide, shop.now)
    few = questions()
    for shade in SHADES[:2]:
        show_photo(case, shop.guide, shop.now, raw=png(colour=shade))
    assert questions() == few
    assert max(few) <= 12


def test_a_wrong_photo_is_taken_back_while_the_complaint_is_open(
    shop, phone, managers_phone, django_capture_on_commit_callbacks
):
    case = complain(shop.members[0], shop.guide, shop.now)
    (row,) = show_photo(case, shop.guide, shop.now)
    name, to = row.photo.name, url("withdraw_case_photo", row.pk)
    assert to in phone.get(url("case", case.pk)).content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        said = phone.post(to, act(), follow=True)

    assert "照片已收回" in said.content.decode()
    assert not CasePhoto.objects.exists()
    assert not default_storage.exists(name)
    assert AuditEntry.objects.filter(action="case.photo_withdrawn").count() == 1
    assert phone.post(to, act()).status_code == 404
    (by_guide,) = show_photo(case, shop.guide, shop.now)
    managers_phone.post(url("withdraw_case_photo", by_guide.pk), act())
    assert not CasePhoto.objects.exists()


def test_a_photo_of_another_hand_and_one_of_a_closed_complaint_stay(shop, phone):
    case = complain(shop.members[0], shop.guide, shop.now)
    manager = lead_actor(shop.manager, shop.now)
    (row,) = services.add_photos(case_id=case.pk, raws=[png()], actor=manager, now=shop.now)
    to = url("withdraw_case_photo", row.pk)

    assert to not in phone.get(url("case", case.pk)).content.decode()
    assert "照片只能由添加的人" in phone.post(to, act(), follow=True).content.decode()
    CasePhoto.objects.update(actor=f"guide:{shop.guide.pk}")
    settle(case, shop.manager, shop.now)
    assert to not in phone.get(url("case", case.pk)).content.decode()
    assert "客诉已结案" in phone.post(to, act(), follow=True).content.decode()
    assert CasePhoto.objects.count() == 1
