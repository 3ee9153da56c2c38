import csv
import io
import re
from base64 import b64decode

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.members.models import Consent, Member
from apps.members.selectors import find_by_identity
from apps.stores.models import Guide, LegalEntity, Posting, Region, Store
from apps.tagging.models import Tag
from tests.factories.facts import make_guide, make_member, make_store

CSV_FORMAT = "1"


def upload(client, name, rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    file = SimpleUploadedFile("rows.csv", out.getvalue().encode(), content_type="text/csv")
    return client.post(
        reverse(f"admin:{name}_import"), {"import_file": file, "format": CSV_FORMAT, "resource": ""}
    )


def confirm(client, name, page):
    form = page.context["confirm_form"]
    data = {field: form[field].value() or "" for field in form.fields}
    return client.post(reverse(f"admin:{name}_process_import"), data)


def exported(client, name):
    page = client.get(reverse(f"admin:{name}_export"))
    fields = page.context["form"].fields
    chosen = {key: "on" for key, field in fields.items() if hasattr(field, "is_selectable_field")}
    return client.post(
        reverse(f"admin:{name}_export"), {"format": CSV_FORMAT, "resource": "", **chosen}
    )


HEAD = ["门店编码", "门店名称", "城市", "大区", "经营性质", "法人主体", "级别", "开业日期"]


@pytest.fixture
def chain(db):
    Region.objects.create(code="hd", name="华东")
    LegalEntity.objects.create(name="步禾", basis="same_handler")


def test_good_stores_go_in_and_bad_ones_come_back_with_reasons(admin_client, chain):
    page = upload(
        admin_client,
        "stores_store",
        [
            HEAD,
            ["s1", "一店", "上海", "华东", "direct", "步禾", "A", "2024-01-01"],
            ["s2", "二店", "上海", "华中", "direct", "步禾", "A", "2024-01-01"],
            ["s3", "三店", "上海", "华东", "direct", "步禾", "A", "去年"],
        ],
    )

    refused = page.context["refused_rows"]
    assert [row["number"] for row in refused] == [2, 3]
    assert refused[0]["reasons"] == ["大区：找不到「华中」。"]
    assert "2026-03-18" in refused[1]["reasons"][0]
    assert not Store.objects.exists()

    confirm(admin_client, "stores_store", page)

    assert [store.code for store in Store.objects.all()] == ["s1"]


def test_refused_rows_can_be_downloaded_and_mended(admin_client, chain):
    page = upload(
        admin_client,
        "stores_store",
        [HEAD, ["s2", "二店", "上海", "华中", "direct", "步禾", "A", "2024-01-01"]],
    )

    content = b64decode(page.context["refused_file"].partition("base64,")[2]).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[0][:3] == ["行", "原因", "门店编码"]
    assert rows[1][0] == "1"
    assert "华中" in rows[1][1]
    assert "confirm_form" not in page.context


def test_a_second_import_of_the_same_file_changes_nothing(admin_client, chain):
    rows = [HEAD, ["s1", "一店", "上海", "华东", "direct", "步禾", "A", "2024-01-01"]]
    confirm(admin_client, "stores_store", upload(admin_client, "stores_store", rows))

    page = upload(admin_client, "stores_store", rows)

    assert page.context["totals"]["same"] == 1
    assert page.context["good_rows"] == 0


def test_guides_come_with_their_posting(admin_client, chain):
    store = make_store("s1")
    make_guide(store, "old", corp="wwtest")
    page = upload(
        admin_client,
        "stores_guide",
        [
            ["企微账号", "名称", "门店编码", "角色", "任职起始"],
            ["new1", "周倩", "s1", "guide", "2026-01-01"],
            ["new2", "陈露", "s9", "guide", "2026-01-01"],
        ],
    )

    confirm(admin_client, "stores_guide", page)

    guide = Guide.objects.get(wecom_userid="new1")
    assert guide.corp_id == "wwtest"
    assert Posting.objects.get(guide=guide).store == store
    assert len(page.context["refused_rows"]) == 1
    assert not Guide.objects.filter(wecom_userid="new2").exists()


def test_tags_are_imported_with_their_group(admin_client):
    page = upload(admin_client, "tagging_tag", [["标签组", "标签"], ["偏好", "通勤"], ["", "孤儿"]])

    confirm(admin_client, "tagging_tag", page)

    assert [(tag.group.name, tag.name) for tag in Tag.objects.all()] == [("偏好", "通勤")]
    assert len(page.context["refused_rows"]) == 1


def test_a_sheet_retires_tags_and_takes_them_back_into_use(admin_client):
    def sheet(answer):
        rows = [["标签组", "标签", "停用"], ["偏好", "通勤", answer]]
        page = upload(admin_client, "tagging_tag", rows)
        if page.context["good_rows"]:
            confirm(admin_client, "tagging_tag", page)
        return page

    sheet("是")
    retired_at = Tag.objects.get().retired_at
    assert retired_at is not None
    assert sheet("是").context["totals"]["same"] == 1
    assert "也许" in sheet("也许").context["refused_rows"][0]["reasons"][0]
    assert Tag.objects.get().retired_at == retired_at
    sheet("")
    assert Tag.objects.get().retired_at is None


def test_an_empty_column_is_called_empty(admin_client, chain):
    rows = [HEAD, ["s2", "二店", "上海", "华东", "direct", "", "A", ""]]

    page = upload(admin_client, "stores_store", rows)

    assert set(page.context["refused_rows"][0]["reasons"]) == {
        "法人主体：此列不能为空。",
        "开业日期：此列不能为空。",
    }


def test_a_sheet_saved_by_excel_on_a_chinese_windows_is_read(admin_client):
    file = SimpleUploadedFile("rows.csv", "标签组,标签\n偏好,通勤\n".encode("gbk"))

    page = admin_client.post(
        reverse("admin:tagging_tag_import"),
        {"import_file": file, "format": CSV_FORMAT, "resource": ""},
    )

    assert page.context["totals"]["new"] == 1


def test_a_file_that_is_no_sheet_is_refused_in_plain_words(admin_client):
    for name, content in {"1": b"\xff\xfe\x00\xff", "0": b"no workbook"}.items():
        page = admin_client.post(
            reverse("admin:tagging_tag_import"),
            {"import_file": SimpleUploadedFile("x", content), "format": name, "resource": ""},
        )

        assert page.context["form"].errors["import_file"][0].startswith("这个文件读不了")


MEMBER_HEAD = ["手机号", "名称", "性别", "归属门店编码", "入会日期", "企微营销同意日期"]


def test_members_are_found_by_phone_or_made_and_never_merged(admin_client, chain):
    known = make_member()
    make_store("s1")
    page = upload(
        admin_client,
        "members_member",
        [
            MEMBER_HEAD,
            ["13912345678", "王芳", "", "s1", "2025-05-01", "2025-05-01"],
            ["12345", "坏号", "", "", "", ""],
            ["13912345678", "重复", "", "", "", ""],
            ["13912345679", "李雷", "", "s404", "", ""],
        ],
    )

    assert Member.objects.count() == 1
    confirm(admin_client, "members_member", page)

    made = find_by_identity("phone", "", "13912345678")
    assert Member.objects.count() == 2
    assert made.name == "王芳"
    assert made.home_store.code == "s1"
    assert Consent.objects.valid().filter(member=made, purpose="wecom_marketing").exists()
    assert len(page.context["refused_rows"]) == 3
    assert known.pk != made.pk


def test_the_preview_of_members_is_masked_and_days_to_come_are_refused(admin_client, chain):
    page = upload(
        admin_client,
        "members_member",
        [
            MEMBER_HEAD,
            ["13912345678", "王小芳", "", "", "2025-05-01", ""],
            ["13912345679", "李雷", "", "", "2099-05-01", ""],
        ],
    )

    text = page.content.decode()
    assert "139****5678" in text
    assert "王*芳" in text
    assert "2025-05-01" in text
    assert "13912345678" not in text
    assert page.context["refused_rows"][0]["reasons"] == ["入会日期：这一天还没到。"]


def test_member_export_is_masked_and_recorded(admin_client, db):
    member = make_member()

    answer = exported(admin_client, "members_member")

    text = answer.content.decode("utf-8-sig")
    assert "林*雯" in text
    assert member.name not in text
    assert re.search(r"139\*{4}\d{4}", text)
    entry = AuditEntry.objects.get(action="member.exported")
    assert entry.detail["rows"] == 1


def test_store_export_can_be_imported_again(admin_client, chain):
    make_store("s1")

    text = exported(admin_client, "stores_store").content.decode("utf-8-sig")
    page = upload(admin_client, "stores_store", list(csv.reader(io.StringIO(text))))

    assert page.context["totals"] == {"new": 0, "update": 0, "same": 1, "refused": 0}


def test_a_stores_department_comes_with_its_corp(admin_client, chain):
    make_guide(make_store("s9"), "old", corp="wwtest")
    row = ["上海", "华东", "direct", "步禾", "A", "2024-01-01"]
    sheet = [
        [*HEAD, "企微部门", "企业 ID"],
        ["s1", "一店", *row, "7", ""],
        ["s2", "二店", *row, "7", "wwother"],
        ["s3", "三店", *row, "", ""],
    ]
    confirm(admin_client, "stores_store", upload(admin_client, "stores_store", sheet))

    found = Store.objects.exclude(code="s9").order_by("code")
    assert list(found.values_list("corp_id", "wecom_department_id")) == [
        ("wwtest", 7), ("wwother", 7), ("", None)
    ]  # fmt: skip


def test_with_several_corps_a_department_without_one_is_refused(admin_client, chain):
    for corp in ("wwtest", "wwother"):
        make_guide(make_store(), corp=corp)
    row = ["s1", "一店", "上海", "华东", "direct", "步禾", "A", "2024-01-01", "7"]
    page = upload(admin_client, "stores_store", [[*HEAD, "企微部门"], row])

    assert "请填写企业 ID" in str(page.context["refused_rows"][0]["reasons"])


def test_an_uploaded_file_waits_encrypted(admin_client, chain):
    page = upload(
        admin_client, "members_member", [MEMBER_HEAD, ["13912345678", "王芳", "", "", "", ""]]
    )

    name = page.context["confirm_form"]["import_file_name"].value()
    sealed = cache.get(f"upload:{name}")
    assert sealed
    assert b"13912345678" not in sealed
    assert "王芳".encode() not in sealed


def test_who_may_not_export_members_gets_no_file(operator_client, db):
    make_member()

    assert operator_client.get(reverse("admin:members_member_export")).status_code == 403
    assert operator_client.get(reverse("admin:members_member_import")).status_code == 403
    assert not AuditEntry.objects.filter(action="member.exported").exists()
