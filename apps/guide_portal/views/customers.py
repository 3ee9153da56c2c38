"""客户: the list, one customer's record, notes, tags, visits."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.core.ids import row_id
from apps.guide_portal import arrivals, customers, lists, undoing
from apps.guide_portal.cards import person_of
from apps.guide_portal.find import search
from apps.guide_portal.forms import ActForm, NoteForm, SearchForm, TagForm, too_long
from apps.guide_portal.reasons import QUICK_REASONS, offered_reasons
from apps.guide_portal.record import record_of
from apps.guide_portal.views.base import GuidePage, referring_page
from apps.guide_portal.wecom import sdk_context
from apps.members import services as members
from apps.members.models import Member
from apps.members.selectors import note_stands, notes_of, visit_of_act
from apps.tagging import services as tagging
from apps.tagging.models import Tag as TagRow
from apps.tagging.models import TagChange
from apps.tagging.selectors import tags_of


class Customers(GuidePage):
    """Everybody this guide serves or is friends with; a manager's whole store."""

    capability = Capability.VIEW_MEMBERS
    tab = "customers"

    def get(self, request: HttpRequest) -> HttpResponse:
        show = request.GET.get("show", "all")
        show = show if show in customers.SHOWN else "all"
        after = _uuid(request.GET.get("after", ""))
        rows, more = customers.list_customers(
            actor=self.actor, show=show, after=after, now=self.now
        )
        context: dict[str, Any] = {"rows": rows, "more": more, "after": after, "show": show}
        if self.request.htmx and after:
            return self.render("guide_portal/partials/_customer_rows.html", context)
        labels = {"all": _("All"), "away": _("Not seen for long"), "friends": _("WeCom friends")}
        context["entries"] = lists.entries(actor=self.actor, now=self.now)
        context["filters"] = [
            {"value": value, "label": label, "on": value == show} for value, label in labels.items()
        ]
        return self._page(
            context,
            head=labels[show],
            empty_head=_("Nobody here"),
            empty_words=_("Customers you serve or are friends with appear by themselves."),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """A search. Posted, because a name or a number has no place in an address."""
        form = SearchForm(request.POST)
        words = form.cleaned_data["words"].strip() if form.is_valid() else ""
        if not words:
            return redirect("guide_portal:customers")
        found = search(actor=self.actor, words=words, now=self.now)
        if found.only is not None and members.kind_of(words):
            return redirect("guide_portal:customer", found.only)
        context = {"rows": found.rows, "words": words, "others": found.others, "searched": True}
        return self._page(
            {**context, "too_many": found.too_many},
            head=_("%(n)s found") % {"n": len(found.rows)},
            empty_head=_("Nobody found among your customers"),
            empty_words=_("Try part of the name, the phone, the member code or the receipt."),
        )

    def _page(self, context: dict[str, Any], **words: str) -> HttpResponse:
        more = {
            "empty_action": _("All customers"),
            "empty_to": reverse("guide_portal:customers"),
            **sdk_context(self.actor),
        }
        return self.render("guide_portal/customers.html", {**context, **words, **more})


class CustomerList(GuidePage):
    """One list of the tab, from its first row to its end."""

    capability = Capability.VIEW_MEMBERS
    tab = "customers"

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        if code not in lists.CODES:
            raise Http404
        page = row_id(request.GET.get("page", "")) or 1
        rows, more = lists.list_page(code=code, actor=self.actor, page=page, now=self.now)
        label = lists.label_of(code)
        context = {
            "rows": rows,
            "more": more,
            "page": page,
            "label": label,
            "hint": lists.hint_of(code, lists.Terms.current()),
        }
        if self.request.htmx and page > 1:
            return self.render("guide_portal/partials/_list_rows.html", context)
        return self.render(
            "guide_portal/customer_list.html",
            {
                **context,
                "empty_head": _("Nobody in “%(list)s” now") % {"list": label},
                "empty_words": _("Who belongs here appears by itself."),
                "empty_action": _("All customers"),
                "empty_to": reverse("guide_portal:customers"),
            },
        )


class CustomerPage(GuidePage):
    """Base of the pages about one customer in the actor's scope."""

    capability = Capability.VIEW_MEMBERS

    def member(self, public_id: uuid.UUID) -> Member:
        return customers.get_customer(actor=self.actor, public_id=public_id)

    def back(self, member: Member) -> HttpResponse:
        return redirect("guide_portal:customer", member.public_id)


class Customer(CustomerPage):
    """The card; for a customer of others as long as somebody granted the look."""

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        record = record_of(
            public_id=public_id,
            actor=self.actor,
            before=_moment(request.GET.get("before", "")),
            now=self.now,
        )
        if record is None:
            raise Http404
        if record.is_granted:
            accounts.audit(
                actor=self.actor,
                action="member.access_used",
                object_type="member",
                object_id=record.person.pk,
            )
        quick = [reason for reason in offered_reasons() if reason["value"] in QUICK_REASONS]
        context = {"page": record, "quick_reasons": quick}
        return self.render("guide_portal/customer.html", context)


class Note(CustomerPage):
    """A note in one tap or a few words."""

    capability = Capability.EDIT_MEMBERS

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        return self._page(self.member(public_id), form=None, status=200)

    def _page(self, member: Member, *, form: NoteForm | None, status: int) -> HttpResponse:
        notes = notes_of(member_id=member.pk)
        context = {
            "person": person_of(member),
            "words": customers.note_words(notes, guide_id=self.guide_id),
            "form": form,
            "problem": too_long(form) if form else "",
            "draft": form.data.get("body", "") if form else "",
            "target_id": row_id(self.request.GET.get("target", "")) or None,
            "back": reverse("guide_portal:customer", args=[member.public_id]),
        }
        return self.render("guide_portal/note.html", context, status=status)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = NoteForm(request.POST)
        if not form.is_valid():
            return self._page(member, form=form, status=400)
        client_id = form.cleaned_data["client_id"]
        done = self.once(
            client_id,
            lambda: members.add_note(
                member_id=member.pk,
                guide_id=self.guide_id,
                body=form.cleaned_data["words"],
                client_id=client_id,
                now=self.now,
                actor=self.actor,
            ),
            kind="note",
        )
        if done or note_stands(client_id=client_id, guide_id=self.guide_id):
            undo = reverse("guide_portal:undo_act", args=[client_id])
            messages.success(request, _("Noted"), extra_tags=undo)
        else:
            messages.info(request, _("You took this back, and it stays so."))
        if form.cleaned_data["target"]:
            return redirect("guide_portal:today")
        return redirect(reverse("guide_portal:customer", args=[member.public_id]) + "#notes")


class Tag(CustomerPage):
    """One tag in one tap, from those guides may put on."""

    capability = Capability.EDIT_MEMBERS

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = TagForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        tag = customers.offered_tags().filter(pk=form.cleaned_data["tag"]).first()
        if tag is None:
            raise Http404
        now, actor = self.now, self.actor
        done = self.once(
            _own_id(form.cleaned_data["client_id"], "put", tag.pk),
            lambda: tagging.apply_tags(
                member_ids=[member.pk],
                tag_ids=[tag.pk],
                claim=TagChange.Claim.PERSON,
                source=actor.label,
                actor=actor,
                at=now,
            ),
        )
        if not done and not _carries(member, tag):
            return self.back(member)  # taken off since
        undo = reverse("guide_portal:untag", args=[member.public_id, tag.pk])
        messages.success(request, _("Tagged: %(tag)s") % {"tag": tag.name}, extra_tags=undo)
        return self.back(member)


class Untag(CustomerPage):
    """A tag taken off. One that a rule, a task or WeCom holds, too, stays, and the page says so."""

    capability = Capability.EDIT_MEMBERS

    def post(self, request: HttpRequest, public_id: uuid.UUID, tag_id: int) -> HttpResponseBase:
        member = self.member(public_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        tag = customers.own_tags().filter(pk=tag_id).first()
        if tag is None:
            raise Http404
        now, actor = self.now, self.actor
        done = self.once(
            _own_id(form.cleaned_data["client_id"], "take", tag.pk),
            lambda: tagging.remove_tags(
                member_ids=[member.pk],
                tag_ids=[tag.pk],
                claim=TagChange.Claim.PERSON,
                source=actor.label,
                actor=actor,
                at=now,
            ),
        )
        if not _carries(member, tag):
            messages.success(request, _("Taken off: %(tag)s") % {"tag": tag.name})
        elif done:  # else somebody may have put it on since
            words = _("%(tag)s stays: a rule, a task or WeCom set it, too") % {"tag": tag.name}
            messages.warning(request, words)
        return self.back(member)


class Visit(CustomerPage):
    """到店: the customer is here, in one tap."""

    capability = Capability.EDIT_MEMBERS

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        client_id = form.cleaned_data["client_id"]
        done = self.once(
            client_id,
            lambda: arrivals.note_visit(
                member_id=member.pk,
                guide_id=self.guide_id,
                client_id=client_id,
                now=self.now,
                actor=self.actor,
            ),
            kind="visit",
        )
        stands = visit_of_act(client_id=client_id, guide_id=self.guide_id) is not None
        if done or stands:
            # who came as booked is here already: that visit is no tap's to take back
            undo = reverse("guide_portal:undo_act", args=[client_id]) if stands else ""
            messages.success(request, _("Visit noted"), extra_tags=undo)
        else:
            messages.info(request, _("You took this back, and it stays so."))
        return redirect(reverse("guide_portal:customer", args=[member.public_id]) + "#visit")


class UndoAct(GuidePage):
    """A note or a visit of a moment ago taken back by who wrote it down."""

    capability = Capability.EDIT_MEMBERS

    def post(self, request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
        if undoing.undo_act(
            guide_id=self.guide_id, client_id=client_id, actor=self.actor, now=self.now
        ):
            messages.success(request, _("Taken back"))
        else:
            messages.info(request, _("Nothing of it is left to take back."))
        return redirect(referring_page(request))


def _own_id(client_id: uuid.UUID, act: str, tag_id: int) -> uuid.UUID:
    """All tags of a card stand in one form with one id: each of its buttons is an act of its own,
    and the same button again is the same act."""
    return uuid.uuid5(client_id, f"{act}:{tag_id}")


def _carries(member: Member, tag: TagRow) -> bool:
    return tag in tags_of([member.pk]).get(member.pk, [])


def _uuid(raw: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(raw)
    except ValueError:
        return None


def _moment(raw: str) -> datetime | None:
    """The story's "earlier than"; anything that is not an aware moment is ignored."""
    try:
        moment = parse_datetime(raw.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment and is_aware(moment) else None
