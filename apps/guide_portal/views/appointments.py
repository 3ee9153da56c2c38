"""预约: the list, one appointment, a new one, and what became of it."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.appointments import services
from apps.appointments.models import Appointment, Kind
from apps.core.errors import DomainError
from apps.guide_portal import appointments, arrivals
from apps.guide_portal.appointment_forms import BookForm, ReasonForm
from apps.guide_portal.cards import person_of
from apps.guide_portal.forms import ActForm, too_long
from apps.guide_portal.templatetags.portal import hour_minute, month_day
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.views.customers import CustomerPage
from apps.members.models import Member


class Book(CustomerPage):
    """A new appointment from the customer's card: a day, a time, done."""

    capability = Capability.EDIT_MEMBERS

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        return self._page(self.member(public_id))

    def _page(
        self,
        member: Member,
        form: BookForm | None = None,
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        days = appointments.offered_days(now=self.now)
        sent = form.data if form else {}
        context = {
            "person": person_of(member),
            "kinds": Kind.choices,
            "kind": sent.get("kind", Kind.FITTING),
            "days": days,
            "day": sent.get("day", days[1][0]),
            "other_day": sent.get("other_day", ""),
            "times": appointments.offered_times(),
            "at": sent.get("at", appointments.USUAL_TIME)[:5],
            "note": sent.get("note", ""),
            "problem": problem,
            "back": reverse("guide_portal:customer", args=[member.public_id]),
        }
        return self.render("guide_portal/book.html", context, status=status)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = BookForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Choose a day and a time.")
            return self._page(member, form, problem=problem, status=400)
        try:
            row = services.book(
                member_id=member.pk,
                guide_id=self.guide_id,
                kind=form.cleaned_data["kind"],
                starts_at=form.starts_at,
                note=form.cleaned_data["note"],
                client_id=form.cleaned_data["client_id"],
                actor=self.actor,
                now=self.now,
            )
        except DomainError as error:
            return self._page(member, form, problem=str(error), status=409)
        when = f"{month_day(row.starts_at)} {hour_minute(row.starts_at)}"
        messages.success(request, _("Booked for %(when)s") % {"when": when})
        return redirect(reverse("guide_portal:customer", args=[member.public_id]) + "#appointments")


class Appointments(GuidePage):
    """Who comes today and in the next days; a manager sees the store's."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "parts": appointments.parts_of(actor=self.actor, now=self.now),
            "empty_head": _("Nobody has an appointment"),
            "empty_words": _("Book from a customer's card."),
            "empty_action": _("All customers"),
            "empty_to": reverse("guide_portal:customers"),
        }
        return self.render("guide_portal/appointments.html", context)


class OfAppointment(GuidePage):
    def row(self, appointment_id: int) -> Appointment:
        """One's own, or the store's for its manager; any other is 404."""
        rows = Appointment.objects.visible_to(self.actor).select_related("member", "guide", "store")
        return get_object_or_404(rows, pk=appointment_id)


class OneAppointment(OfAppointment):
    def get(self, request: HttpRequest, appointment_id: int) -> HttpResponse:
        row = self.row(appointment_id)
        page = appointments.detail_of(row, actor=self.actor, now=self.now)
        return self.render("guide_portal/appointment.html", {"page": page})


class KeepAppointment(OfAppointment):
    """已到店 in one tap; the reason of the visit may follow on the customer's card."""

    def post(self, request: HttpRequest, appointment_id: int) -> HttpResponseBase:
        row = self.row(appointment_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        arrivals.keep_appointment(appointment_id=row.pk, actor=self.actor, now=self.now)
        messages.success(request, _("Visit noted"))
        return redirect("guide_portal:appointments")


class _Ended(OfAppointment):
    end: Callable[..., object]

    def post(self, request: HttpRequest, appointment_id: int) -> HttpResponseBase:
        row = self.row(appointment_id)
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        reason = form.cleaned_data["reason"]
        type(self).end(appointment_id=row.pk, reason=reason, actor=self.actor, now=self.now)
        messages.success(request, _("Noted"))
        return redirect("guide_portal:appointments")


class MissAppointment(_Ended):
    """未到店, with why."""

    end = staticmethod(services.miss)


class CancelAppointment(_Ended):
    """Called off, with why."""

    end = staticmethod(services.cancel)
