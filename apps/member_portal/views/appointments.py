"""我的预约: when, where and with whom; each one off in one step."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.appointments import selectors, services
from apps.appointments.models import Appointment
from apps.member_portal.views.base import MemberPage
from apps.members.selectors import survivor_group


class Appointments(MemberPage):
    needs_proof = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now = self.now
        rows = selectors.of_customer(member_ids=survivor_group(self.member.pk), now=now)
        context = {
            "ahead": [row for row in rows if row.is_booked and row.starts_at > now],
            "past": [row for row in rows if not row.is_booked],
        }
        return render(request, "member_portal/appointments.html", context)


class Cancel(MemberPage):
    needs_proof = True
    back = "member_portal:appointments"

    def post(self, request: HttpRequest, appointment_id: int) -> HttpResponseBase:
        own = Appointment.objects.of_members(survivor_group(self.member.pk))
        if not own.filter(pk=appointment_id).exists():
            raise Http404
        services.cancel_by_customer(appointment_id=appointment_id, now=self.now)
        messages.success(request, _("Cancelled. Your guide knows."))
        return redirect(self.back)
