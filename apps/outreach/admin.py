"""Scripts and content, and what became of every send."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Field, OuterRef, QuerySet, Subquery, URLField
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.accounts.admin_base import (
    CapabilityMixin,
    RoomAdmin,
    StateColumn,
    actor_of,
    state_mark,
    who_words,
)
from apps.accounts.capabilities import Capability
from apps.accounts.naming import names_of, reference_of
from apps.core.errors import DomainError
from apps.outreach import attachments, scripts
from apps.outreach.models import (
    Attachment,
    ButtonAnswer,
    ContentAsset,
    Dispatch,
    DispatchRecipient,
    GuideNotice,
    MessageTemplate,
    ScriptVariant,
    SmsMessage,
    Welcome,
)
from apps.outreach.services import media
from apps.stores.models import Guide
from apps.stores.selectors import who_behind

MARKS = {
    "unknown": "bad",
    "failed": "bad",
    "delivered": "on",
    "sent": "on",
    "held": "warn",
    "missed": "warn",
    "no_words": "warn",
}
# the guide reads the same on the card: 知道了
BUTTON_MARKS = {"shown": "on", "failed": "warn"}
BUTTON_WORDS = {
    "queued": _("being changed to \u201cknown\u201d"),
    "shown": _("says \u201cknown\u201d"),
    "failed": _("still shows the button; the press counts"),
}


class MessageTemplateForm(forms.ModelForm):
    """An unknown variable is refused here, so that no customer ever reads a raw brace."""

    class Meta:
        model = MessageTemplate
        fields = ["name", "body", "generic_body", "asset", "author", "store",
                  "stores_may_edit", "is_welcome", "is_active"]  # fmt: skip
        widgets = {
            "body": UnfoldAdminTextareaWidget({"rows": 4}),
            "generic_body": UnfoldAdminTextareaWidget({"rows": 4}),
        }

    def _checked(self, name: str) -> str:
        text = self.cleaned_data[name]
        try:
            scripts.validate_script(text)
        except DomainError as error:
            raise ValidationError(str(error)) from error
        return text

    def clean_body(self) -> str:
        return self._checked("body")

    def clean_generic_body(self) -> str:
        text = self._checked("generic_body")
        if scripts.has_customer_variables(text):
            raise ValidationError(
                _("The text for everybody goes to many customers: no customer variables in it.")
            )
        return text


def with_https(field: Field, **kwargs: Any) -> Any:
    """The form field of a column; an address without a scheme is taken for https."""
    if isinstance(field, URLField):
        kwargs["assume_scheme"] = "https"
    return field.formfield(**kwargs)


class AttachmentForm(forms.ModelForm):
    class Meta:
        model = Attachment
        formfield_callback = with_https
        fields = ["kind", "place", "title", "summary", "url", "picture_url", "picture", "appid",
                  "page"]  # fmt: skip

    def clean_picture(self) -> Any:
        """A new picture is read and cleaned; the one that is there stays as it is."""
        chosen = self.cleaned_data["picture"]
        if not isinstance(chosen, UploadedFile):
            return chosen
        try:
            return attachments.clean_picture(chosen.read(attachments.MAX_PICTURE_BYTES + 1))
        except DomainError as error:
            raise ValidationError(str(error)) from error


class AttachmentFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [
            form
            for form in self.forms
            if (form.instance.pk or form.has_changed())
            and not getattr(form, "cleaned_data", {}).get("DELETE")
        ]
        if len(kept) > attachments.MOST:
            raise ValidationError(str(attachments.TooManyAttachments(most=attachments.MOST)))


class AttachmentInline(CapabilityMixin, StackedInline):
    """What goes out beside the words; the order is the place's, then the older first."""

    model = Attachment
    form = AttachmentForm
    formset = AttachmentFormSet
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.MANAGE_CONTENT
    may_delete = True
    extra = 0
    tab = False
    fields = [("kind", "place"), ("title", "summary"), ("url", "picture_url"),
              ("picture", "show_picture"), ("appid", "page")]  # fmt: skip
    readonly_fields = ["show_picture"]

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, URLField):
            kwargs["assume_scheme"] = "https"  # an address without one
        if db_field.name == "picture":
            kwargs["widget"] = forms.FileInput(attrs={"accept": "image/jpeg,image/png"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("picture in use"))
    def show_picture(self, row: Attachment) -> str | SafeString:
        if not row.pk or not row.picture:
            return "—"
        address = reverse("hq:attachment_picture", args=[row.pk])
        return format_html('<img class="hq-thumb" src="{}" alt="{}">', address, str(row))


@admin.register(MessageTemplate)
class MessageTemplateAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.MANAGE_CONTENT
    form = MessageTemplateForm
    list_display = ["name", "show_body", "show_generic", "asset", "author", "store",
                    "show_wordings", "is_active"]  # fmt: skip
    list_filter = ["is_active", "is_welcome", "stores_may_edit"]
    list_select_related = ["asset", "author", "store"]
    search_fields = ["name", "body"]
    autocomplete_fields = ["asset", "author", "store"]
    inlines = [AttachmentInline]

    def save_related(self, request: HttpRequest, *rest: Any) -> None:
        super().save_related(request, *rest)
        media.ask_to_keep()

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        if "body" in form.base_fields:
            known = " ".join(f"{{{name}}}" for name in scripts.VARIABLES)
            form.base_fields["body"].help_text = _("Variables: %(known)s") % {"known": known}
        return form

    @admin.display(description=_("personal text"))
    def show_body(self, row: MessageTemplate) -> str:
        return row.body if len(row.body) <= 60 else f"{row.body[:60]}…"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageTemplate]:
        worded = ScriptVariant.objects.filter(script_id=OuterRef("pk"), withdrawn_at=None)
        count = worded.order_by().values("script_id").annotate(n=Count("pk")).values("n")
        return super().get_queryset(request).annotate(wordings=Coalesce(Subquery(count), 0))

    @admin.display(description=_("stores' wordings"))
    def show_wordings(self, row: Any) -> str | SafeString:
        """How many stores say it their own way, and the page about them."""
        if not row.wordings:
            return gettext("allowed") if row.stores_may_edit else "—"
        address = f"{reverse('hq:script_variants')}?script={row.pk}"
        return format_html('<a href="{}">{}</a>', address, row.wordings)

    @admin.display(description=_("text for everybody"), boolean=True)
    def show_generic(self, row: MessageTemplate) -> bool:
        return bool(row.generic_body)


@admin.register(ContentAsset)
class ContentAssetAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.MANAGE_CONTENT
    list_display = ["title", "summary", "valid_until"]
    search_fields = ["title", "summary"]
    ordering = ["-id"]

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, URLField):
            kwargs["assume_scheme"] = "https"  # an address without one
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Dispatch)
class DispatchAdmin(StateColumn, RoomAdmin):
    """Every send with its way through WeCom. Receivers are counted, not named."""

    marks = MARKS
    view_capability = Capability.VIEW_HEALTH
    list_display = ["created_at", "guide", "show_what", "show_state", "show_receivers",
                    "handed_over_at", "sent_at", "reason"]  # fmt: skip
    list_display_links = ["created_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["guide"]
    search_fields = ["msgid", "source"]
    ordering = ["-id"]
    may_add = False
    fields = ["kind", "guide", "show_what", "state", "reason", "not_before", "expires_at",
              "attempts", "msgid", "handed_over_at", "sent_at", "unknown_since", "next_poll_at",
              "polls", "show_creator", "created_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispatch]:
        receivers = DispatchRecipient.objects.filter(dispatch_id=OuterRef("pk")).order_by()
        count = receivers.values("dispatch_id").annotate(n=Count("pk")).values("n")
        return (
            super()
            .get_queryset(request)
            .annotate(receivers=Coalesce(Subquery(count), 0), creator=who_behind("created_by"))
        )

    @admin.display(description=_("created by"))
    def show_creator(self, row: Any) -> str:
        return who_words(row.created_by, row.creator)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page's rows with the push each one came from: named once for all of them."""
        found = super().get_changelist_instance(request)
        self._name(found.result_list)
        return found

    def get_object(self, *args: Any, **kwargs: Any) -> Dispatch | None:
        found = super().get_object(*args, **kwargs)
        self._name(filter(None, [found]))
        return found

    @staticmethod
    def _name(rows: Iterable[Any]) -> None:
        rows = list(rows)
        names = names_of(reference_of(row.source) for row in rows)
        for row in rows:
            row.named = names.get(reference_of(row.source))

    @admin.display(description=_("for what"))
    def show_what(self, row: Any) -> str | SafeString:
        if getattr(row, "named", None) is None:
            return gettext("a message of the guide's own")
        return format_html('<a href="{}">{}</a>', row.named.url, row.named.name)

    @admin.display(description=_("receivers"))
    def show_receivers(self, row: Any) -> int:
        return row.receivers


@admin.register(GuideNotice)
class GuideNoticeAdmin(StateColumn, RoomAdmin):
    marks = MARKS
    view_capability = Capability.VIEW_HEALTH
    list_display = ["id", "guide", "title", "show_state", "attempts", "created_at", "sent_at",
                    "acknowledged_at", "reason"]  # fmt: skip
    list_filter = ["state", "created_at"]
    list_select_related = ["guide"]
    ordering = ["-id"]
    may_add = False
    fields = ["guide", "source", "title", "body", "path", "state", "not_before", "attempts",
              "reason", "sent_at", "acknowledged_at", "created_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuideNotice]:
        notices = super().get_queryset(request)
        actor = actor_of(request)
        if actor.sees_all:
            return notices
        return notices.filter(guide__in=Guide.objects.visible_to(actor))


@admin.register(ButtonAnswer)
class ButtonAnswerAdmin(RoomAdmin):
    """Who pressed a card's button, and whether the card says so."""

    empty_words = _(
        "When a guide presses the button of a card, the card changes to say so; here stands "
        "whether it did. The press itself counts either way."
    )
    view_capability = Capability.VIEW_HEALTH
    list_display = ["show_pressed", "show_guide", "show_title", "show_state", "attempts", "reason"]
    list_display_links = ["show_pressed"]
    list_filter = ["state", "notice__acknowledged_at"]
    list_select_related = ["notice__guide"]
    search_fields = ["notice__guide__name", "notice__guide__wecom_userid", "notice__title"]
    ordering = ["-id"]
    may_add = False
    fields = ["show_pressed", "show_guide", "show_title", "state", "reason", "not_before",
              "expires_at", "attempts"]  # fmt: skip
    readonly_fields = ["show_pressed", "show_guide", "show_title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ButtonAnswer]:
        answers = super().get_queryset(request)
        actor = actor_of(request)
        if actor.sees_all:
            return answers
        return answers.filter(notice__guide__in=Guide.objects.visible_to(actor))

    @admin.display(description=_("pressed at"), ordering="notice__acknowledged_at")
    def show_pressed(self, row: ButtonAnswer) -> datetime | None:
        return row.notice.acknowledged_at

    @admin.display(description=_("guide"))
    def show_guide(self, row: ButtonAnswer) -> str:
        return str(row.notice.guide)

    @admin.display(description=_("card"))
    def show_title(self, row: ButtonAnswer) -> str:
        return row.notice.title

    @admin.display(description=_("on the card"), ordering="state")
    def show_state(self, row: ButtonAnswer) -> SafeString:
        return state_mark(BUTTON_WORDS[row.state], BUTTON_MARKS.get(row.state, ""))


@admin.register(SmsMessage)
class SmsMessageAdmin(StateColumn, RoomAdmin):
    """What became of each SMS. The number and the words are nowhere to be read."""

    marks = MARKS
    view_capability = Capability.VIEW_HEALTH
    list_display = ["id", "kind", "show_state", "attempts", "created_at", "sent_at", "reason"]
    list_filter = ["state", "kind", "created_at"]
    ordering = ["-id"]
    may_add = False
    fields = ["kind", "state", "not_before", "expires_at", "attempts", "provider_id", "reason",
              "created_at", "sent_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[SmsMessage]:
        """No row names anybody or any place: the capability alone decides."""
        return SmsMessage.objects.all()


@admin.register(Welcome)
class WelcomeAdmin(StateColumn, RoomAdmin):
    """What became of the first words to each new friend."""

    empty_words = _(
        "Everybody who adds a guide as a friend is welcomed by itself; here stands whether it was "
        "in time. What is said: Scripts, \u201cused as the welcome\u201d."
    )
    marks = MARKS
    view_capability = Capability.VIEW_HEALTH
    list_display = ["told_at", "guide", "show_state", "show_seconds", "text", "reason"]
    list_filter = ["state", "told_at"]
    list_select_related = ["guide"]
    search_fields = ["guide__name", "guide__wecom_userid", "source"]
    may_add = False
    fields = ["guide", "source", "text", "state", "reason", "attempts", "told_at", "expires_at",
              "sent_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Welcome]:
        welcomes: Any = super().get_queryset(request)
        return welcomes.visible_to(actor_of(request))

    @admin.display(description=_("after, s"))
    def show_seconds(self, row: Welcome) -> str:
        return f"{(row.sent_at - row.told_at).total_seconds():.1f}" if row.sent_at else "—"
