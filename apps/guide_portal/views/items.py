"""One thing to do that is no customer: its page, the guide's word, the photo."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts import modules
from apps.core import clock, photos
from apps.core.errors import DomainError
from apps.core.pictures import picture_response
from apps.guide_portal.forms import ActForm, too_long
from apps.guide_portal.item_forms import ExcuseItemForm, PhotoForm, ReportForm
from apps.guide_portal.items import item_page
from apps.guide_portal.leading import lead_of
from apps.guide_portal.reasons import item_reasons
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.errors import WhyMissing
from apps.guide_tasks.models import TaskItem, TaskPush
from apps.outreach.attachments import opened


class ItemBase(GuidePage):
    def seen_item(self, item_id: int) -> TaskItem:
        """An item this person may look at: the own, the store's, and for a manager all there."""
        return get_object_or_404(
            TaskItem.objects.visible_to(self.actor)
            .opened_by(self.now)
            .select_related("push__asset", "store", "guide", "done_by"),
            pk=item_id,
        )

    def item(self, item_id: int) -> TaskItem:
        """An item this person may do; a colleague's is 404."""
        return get_object_or_404(
            TaskItem.objects.for_guide(self.guide_id, clock.business_day(self.now))
            .opened_by(self.now)
            .select_related("push"),
            pk=item_id,
        )


class OnItemPage(ItemBase):
    def page(
        self, item: TaskItem, *, note: str | None = None, problem: str = "", status: int = 200
    ) -> HttpResponse:
        """The item; `problem` says what was wrong, `note` is what was typed."""
        page = item_page(item, now=self.now)
        mine = page.item.guide_id in (None, self.guide_id)
        by_members = page.item.push.quota_of == TaskPush.QuotaOf.MEMBERS
        enrols = by_members and modules.is_on(modules.Module.MEMBER_PAGES)
        enrol = reverse("guide_portal:enrol") if enrols else ""
        context = {
            "page": page,
            "mine": mine,
            "enrol": enrol,
            "lead": lead_of(page.item, actor=self.actor, now=self.now),
            # what went with a photo stays for the next
            "note": page.note if note is None else note,
            "took_it": mine and page.item.done_by_id == self.guide_id,
            "problem": problem,
        }
        return self.render("guide_portal/item.html", context, status=status)

    def again(self, item_id: int, *, problem: str, status: int) -> HttpResponse:
        """What was sent does not do: why, and what was typed."""
        note = self.request.POST.get("note", "").replace("\0", "")
        return self.page(self.seen_item(item_id), note=note, problem=problem, status=status)


class Item(OnItemPage):
    def get(self, request: HttpRequest, item_id: int) -> HttpResponse:
        return self.page(self.seen_item(item_id))


class ReportItem(OnItemPage):
    """完成: by one's own word, with a note."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = ReportForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or self._old_page
            return self.again(item.pk, problem=problem, status=400)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.report_item(
                item=item, note=form.cleaned_data["note"], actor=self.actor, now=self.now
            ),
        )
        if done:
            messages.success(request, _("Noted as self-reported"))
        return redirect("guide_portal:today")


class ExcuseItem(ItemBase):
    """不适用: one tap on a reason; another reason takes a few words."""

    def get(self, request: HttpRequest, item_id: int) -> HttpResponse:
        return self._page(self.item(item_id))

    def _page(self, item: TaskItem, *, problem: str = "") -> HttpResponse:
        context = {
            "item": item,
            "reasons": item_reasons(item.push.kind),
            "problem": problem,
            "words": self.request.POST.get("words", ""),
        }
        status = 400 if problem else 200
        return self.render("guide_portal/item_excuse.html", context, status=status)

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = ExcuseItemForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            return self._page(item, problem=too_long(form) or _("Pick a reason"))
        try:
            done = self.once(
                form.cleaned_data["client_id"],
                lambda: guide_tasks.excuse_item(
                    item=item,
                    reason=form.cleaned_data["reason"],
                    words=form.cleaned_data["words"],
                    actor=self.actor,
                    now=self.now,
                ),
            )
        except WhyMissing as error:
            return self._page(item, problem=str(error))
        if done:
            undo = reverse("guide_portal:undo_item", args=[item.pk])
            messages.success(request, _("Marked as not applicable"), extra_tags=undo)
        return redirect("guide_portal:today")


class UndoItem(ItemBase):
    """撤销: what was said, taken back."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.undo_item_excuse(item=item, actor=self.actor, now=self.now),
        )
        return redirect("guide_portal:item", item.pk)


class HandInPhoto(OnItemPage):
    """交照片: the manager approves it."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = PhotoForm(request.POST, request.FILES)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Choose a photo first.")
            return self.again(item.pk, problem=problem, status=400)
        raw = photos.raw_of(form.cleaned_data["photo"])
        try:
            done = self.once(
                form.cleaned_data["client_id"],
                lambda: guide_tasks.hand_in_photo(
                    item=item,
                    raw=raw,
                    note=form.cleaned_data["note"],
                    actor=self.actor,
                    now=self.now,
                ),
            )
        except DomainError as error:
            return self.again(item.pk, problem=str(error), status=409)
        if done:
            messages.success(request, _("Handed in; your manager has a look"))
        return redirect("guide_portal:item", item.pk)


class WithdrawPhoto(ItemBase):
    """收回照片: a wrong one, before anybody has decided about it."""

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = self.item(item_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.withdraw_photo(item=item, actor=self.actor, now=self.now),
        )
        if done:
            messages.success(request, _("The photo is taken back; hand in the right one"))
        return redirect("guide_portal:item", item.pk)


class ItemPhoto(ItemBase):
    """The photo itself, for who may see the item."""

    def get(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        return picture_response(str(self.seen_item(item_id).photo))


class SentPicture(GuidePage):
    """A picture that goes out with a message; only a page of ours can have sealed its name."""

    def get(self, request: HttpRequest, sealed: str) -> HttpResponseBase:
        return picture_response(opened(sealed))
