"""开卡: a customer joins on their own phone, the guide sees it happen; who cannot now is noted."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_portal import enrol
from apps.guide_portal.forms import DraftForm, DropDraftForm
from apps.guide_portal.views.base import GuidePage
from apps.members import services as members
from apps.members.models import EnrolDraft

HALF = enrol.VALID_FOR / 2


def drafts_address() -> str:
    return reverse("guide_portal:enrol") + "#drafts"


class EnrolList(GuidePage):
    capability = Capability.EDIT_MEMBERS

    def rows(self) -> dict[str, object]:
        """Who waits for an invitation, and who joined today."""
        count, rows = enrol.enrolled_today(guide_id=self.guide_id, now=self.now)
        return {
            "count": count,
            "rows": rows,
            "drafts": enrol.drafts_of(actor=self.actor, now=self.now),
        }


class Enrol(EnrolList):
    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(None, status=200)

    def _page(self, form: DraftForm | None, *, status: int, refusal: str = "") -> HttpResponse:
        now = self.now
        context = {
            **self.rows(),
            "page": enrol.enrol_page(guide_id=self.guide_id, now=now),
            "in_stores": enrol.waiting_in_stores(actor=self.actor, now=now),
            "form": form,
            "refusal": refusal,
            "since": int(now.timestamp()),
        }
        return self.render("guide_portal/enrol.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """A draft; what was refused stays in the form, so that nobody writes it twice."""
        form = DraftForm(request.POST)
        if not form.is_valid():
            words = _("How you call TA: at most 20 signs; what TA looked at: at most 200.")
            return self._page(form, status=400, refusal=words)
        store = enrol.store_today(guide_id=self.guide_id, now=self.now)
        try:
            members.write_draft(
                guide_id=self.guide_id,
                store_id=store.pk,
                called=form.cleaned_data["called"],
                words=form.cleaned_data["body"],
                client_id=form.cleaned_data["client_id"],
                now=self.now,
            )
        except DomainError as error:
            return self._page(form, status=409, refusal=str(error))
        messages.success(request, _("Noted, to be invited"))
        return redirect(drafts_address())


class EnrolLive(EnrolList):
    """The lists again; an invitation that grew old is renewed with the whole page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        since = request.GET.get("since", "")
        known = int(since) if since.isascii() and since.isdigit() and len(since) < 12 else 0
        if self.now.timestamp() - known > HALF.total_seconds():
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        context = {**self.rows(), "since": known}
        return self.render("guide_portal/partials/_enrolled.html", context)


class Draft(GuidePage):
    """One person's own code, and the way to drop the draft."""

    capability = Capability.EDIT_MEMBERS
    tab = "tools"

    def get(self, request: HttpRequest, draft_id: int) -> HttpResponseBase:
        draft = self._draft(draft_id)
        waits = draft.state == EnrolDraft.State.WAITING
        if self.request.htmx:  # the page asks whether TA has joined
            headers = {} if waits else {"HX-Redirect": drafts_address()}
            return HttpResponse(status=204, headers=headers)
        if not waits:
            return redirect(drafts_address())
        context = {
            "page": enrol.draft_page(draft=draft),
            "reasons": EnrolDraft.DropReason.choices,
        }
        return self.render("guide_portal/draft.html", context)

    def _draft(self, draft_id: int) -> EnrolDraft:
        return get_object_or_404(EnrolDraft.objects.visible_to(self.actor), pk=draft_id)

    def post(self, request: HttpRequest, draft_id: int) -> HttpResponseBase:
        draft = self._draft(draft_id)
        form = DropDraftForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        members.drop_draft(
            draft_id=draft.pk,
            guide_id=self.guide_id,
            reason=form.cleaned_data["reason"],
            now=self.now,
        )
        messages.success(request, _("Dropped; what you had noted is deleted"))
        return redirect(drafts_address())
