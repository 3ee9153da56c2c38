"""佣金明细: one's own lines by day, and one line with a question to head office."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.commissions import services
from apps.commissions.models import CommissionLine
from apps.core.errors import DomainError
from apps.core.fields import LinesField
from apps.guide_portal import commissions
from apps.guide_portal.forms import ActForm
from apps.guide_portal.views.base import GuidePage


class QuestionForm(ActForm):
    """Too few words are refused by the service, in words."""

    words = LinesField(required=False)


class Commission(GuidePage):
    tab = "me"

    def get(self, request: HttpRequest) -> HttpResponse:
        month = commissions.asked_month(request.GET.get("month", ""), self.now)
        context = {
            "page": commissions.list_page(
                actor=self.actor, month=month, page=request.GET.get("page", ""), now=self.now
            ),
            "asked": f"{month:%Y-%m}",
        }
        return self.render("guide_portal/commission.html", context)


class CommissionLinePage(GuidePage):
    """A colleague's line is not there, also for the manager."""

    tab = "me"

    def line(self, line_id: int) -> CommissionLine:
        rows = CommissionLine.objects.visible_to(self.actor).filter(guide_id=self.guide_id)
        rows = rows.select_related("rule", "product", "order", "store")
        return cast(CommissionLine, get_object_or_404(rows, pk=line_id))

    def page(self, line_id: int, *, asked: str | None = None, status: int = 200) -> HttpResponse:
        context = {
            "page": commissions.line_page(line=self.line(line_id)),
            "asked": asked,
        }
        return self.render("guide_portal/commission_line.html", context, status=status)

    def get(self, request: HttpRequest, line_id: int) -> HttpResponse:
        return self.page(line_id)

    def post(self, request: HttpRequest, line_id: int) -> HttpResponseBase:
        line = self.line(line_id)
        form = QuestionForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        given = form.cleaned_data
        self.once(
            given["client_id"],
            lambda: services.ask(line=line, words=given["words"], now=self.now),
        )
        messages.success(request, _("Head office has your question. The answer comes as a card."))
        return redirect("guide_portal:commission_line", line_id)

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """The reason above what was written: nobody writes it twice."""
        messages.error(request, str(error))
        return self.page(self.kwargs["line_id"], asked=request.POST.get("words", ""), status=409)
