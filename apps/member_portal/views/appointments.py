"""我的预约: when, where and with whom; each one off in one step."""

from datetime import date, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from apps.appointments import selectors, services
from apps.appointments.models import Appointment
from apps.core import clock
from apps.member_portal.views.base import MemberPage
from apps.members.selectors import survivor_group
from apps.stores.models import Guide


def _stands(row: Appointment, today: date) -> bool:
    """Until its day is over: who is on the way finds the store here."""
    return row.is_booked and clock.business_day(row.starts_at) >= today


def _when(row: Appointment) -> datetime:
    return row.starts_at


class Appointments(MemberPage):
    needs_proof = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now, today = self.now, clock.business_day(self.now)
        rows = selectors.of_customer(member_ids=survivor_group(self.member.pk), now=now)
        context = {
            "ahead": sorted((row for row in rows if _stands(row, today)), key=_when),
            "off": [row for row in rows if not row.is_booked and row.starts_at > now],
            "past": [row for row in rows if row.starts_at <= now and not _stands(row, today)],
            "now": now,
        }
        return render(request, "member_portal/appointments.html", context)


class Cancel(MemberPage):
    needs_proof = True
    back = "member_portal:appointments"

    def post(self, request: HttpRequest, appointment_id: int) -> HttpResponseBase:
        own = Appointment.objects.of_members(survivor_group(self.member.pk))
        row = get_object_or_404(own.select_related("guide"), pk=appointment_id)
        services.cancel_by_customer(appointment_id=row.pk, now=self.now)
        knows = row.guide.status == Guide.Status.ACTIVE
        messages.success(request, _("Cancelled. Your guide knows.") if knows else _("Cancelled."))
        return redirect(self.back)
