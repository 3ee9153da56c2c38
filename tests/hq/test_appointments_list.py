"""预约 at head office: read, masked, taken out by who may, without what was written to prepare."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from import_export.formats import base_formats

from apps.accounts.admin_base import ExportAdmin
from apps.accounts.models import AuditEntry
from apps.appointments import services
from apps.core import clock
from apps.stores.models import DayOff
from tests.factories.appointments import at_hour, make_appointment
from tests.factories.tasks import guide_actor

LIST = reverse("admin:appointments_appointment_changelist")
EXPORT = reverse("admin:appointments_appointment_export")


def test_the_list_is_masked_and_asks_as_often_for_many_as_for_few(admin_client, team, fixed_clock):
    (guide, members), *_rest = team

    def questions():
        admin_client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            page = admin_client.get(LIST).content.decode()
        return len(asked), page

    row = make_appointment(members[0], guide, fixed_clock, note="短靴")
    few, page = questions()
    assert "林*雯" in page
    assert "林晓雯" not in page
    for hour in (10, 12, 17):
        for member in members:
            make_appointment(member, guide, fixed_clock, starts_at=at_hour(fixed_clock, hour))
    assert questions()[0] == few
    one = admin_client.get(reverse("admin:appointments_appointment_change", args=[row.pk]))
    assert guide.name in one.content.decode()
    assert "短靴" not in one.content.decode()


def test_a_page_tells_each_step_with_whose_it_was(admin_client, team, fixed_clock):
    (guide, members), *_rest = team
    row = make_appointment(members[0], guide, fixed_clock)
    DayOff.objects.create(guide=guide, day=clock.business_day(row.starts_at))
    services.follow_people(now=fixed_clock)
    row.refresh_from_db()
    services.cancel(
        appointment_id=row.pk,
        reason="later",
        actor=guide_actor(row.guide, fixed_clock),
        now=fixed_clock,
    )
    page = admin_client.get(reverse("admin:appointments_appointment_change", args=[row.pk]))
    words = page.content.decode()
    assert "已预约 → 已取消" in words
    assert guide.name in words
    # each step has a name, or says that it came by itself
    assert row.guide.name in words
    assert "系统" in words
    assert "guide:" not in words
    assert not re.search(r">\s*system\s*<", words)


def test_a_page_says_that_the_customer_cancelled(admin_client, team, fixed_clock):
    (guide, members), *_rest = team
    row = make_appointment(members[0], guide, fixed_clock)
    services.cancel_by_customer(appointment_id=row.pk, now=fixed_clock)
    page = admin_client.get(reverse("admin:appointments_appointment_change", args=[row.pk]))
    assert re.search(r"处理人.{0,400}顾客本人", page.content.decode(), re.S)


def test_the_export_names_nobody_and_is_recorded(admin_client, operator_client, team, fixed_clock):
    (guide, members), *_rest = team
    make_appointment(members[0], guide, fixed_clock, note="短靴")
    csv = ExportAdmin.export_formats.index(base_formats.CSV)
    fields = dict.fromkeys(
        ("starts_at", "store", "guide", "member", "kind", "state", "reason"), "on"
    )
    chosen = {f"appointmentresource_{name}": value for name, value in fields.items()}
    answer = admin_client.post(EXPORT, {"format": csv, "resource": "", **chosen})
    text = answer.content.decode("utf-8-sig")
    assert "到店试穿" in text
    assert str(members[0].public_id) in text
    assert "林" not in text
    assert "短靴" not in text
    assert AuditEntry.objects.filter(action="appointment.exported").exists()
    assert operator_client.get(EXPORT).status_code == 403
