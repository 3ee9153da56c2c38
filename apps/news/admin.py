"""Head office writes news; who has read it stands on a page of its own."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.accounts.admin_base import RoomAdmin, state_mark
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.news.models import News
from apps.news.selectors import read_counts
from apps.news.services import keep_news

WORDS = ("title", "body")


class NewsForm(forms.ModelForm):
    ask_again = forms.BooleanField(
        label=_("ask everybody again"),
        required=False,
        help_text=_("For a correction that matters: who has read it is asked once more."),
    )
    # a form sent twice asks again once
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = News
        fields = [
            *("title", "kind", "body", "for_role", "regions", "stores", "products", "pages"),
            *("shown_from", "shown_until", "must_read", "pinned", "is_active"),
        ]
        widgets = {"body": UnfoldAdminTextareaWidget({"rows": 10})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "seen_version" in self.fields:
            self.fields["seen_version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("ask_again") and cleaned.get("seen_version") != self.instance.version:
            raise ValidationError(
                _("Everybody was asked again meanwhile. Take the tick off, or open the page anew.")
            )
        return cleaned


@admin.register(News)
class NewsAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.MANAGE_CONTENT
    form = NewsForm
    list_display = ["title", "kind", "show_state", "show_marks", "shown_from",
                    "shown_until", "show_reads"]  # fmt: skip
    list_filter = ["kind", "must_read", "is_active"]
    list_per_page = 20
    search_fields = ["title", "body"]
    search_help_text = _("Words of the title or the text")
    ordering = ["-shown_from", "-pk"]
    autocomplete_fields = ["regions", "stores", "products", "pages"]
    empty_words = _("What you write here guides read under Tools, News.")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Nobody has read what is new: there is nothing to ask again."""
        fields = list(NewsForm.Meta.fields)
        may_ask = obj is not None and self.has_change_permission(request, obj)
        return [*fields, "ask_again", "seen_version"] if may_ask else fields

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page's rows get how many have opened them, in one query for all."""
        changelist = super().get_changelist_instance(request)
        pieces: list[Any] = list(changelist.result_list)
        counted = read_counts(news_ids=[piece.pk for piece in pieces])
        for piece in pieces:
            piece.opened = counted.get(piece.pk, 0)
        changelist.result_list = pieces
        return changelist

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        corrected = any(name in form.changed_data for name in WORDS)
        ask_again = change and bool(form.cleaned_data.get("ask_again"))
        keep_news(news=obj, corrected=corrected, ask_again=ask_again, now=clock.now())

    @admin.display(description=_("state"))
    def show_state(self, row: News) -> SafeString:
        now = clock.now()
        if not row.is_active:
            mark, words = "", pgettext("news", "taken down")
        elif row.shown_from > now:
            mark, words = "warn", pgettext("news", "waits for its day")
        elif row.shown_until is not None and row.shown_until <= now:
            mark, words = "", pgettext("news", "over")
        else:
            mark, words = "on", pgettext("news", "shown now")
        return state_mark(words, mark)

    @admin.display(description=pgettext_lazy("news", "marks"))
    def show_marks(self, row: News) -> str:
        marks = [
            pgettext("news", "must read") if row.must_read else "",
            pgettext("news", "on top") if row.pinned else "",
        ]
        return " · ".join(filter(None, marks))

    @admin.display(description=pgettext_lazy("news", "opened by"))
    def show_reads(self, row: Any) -> SafeString:
        words = pgettext("news", "%(n)s, who") % {"n": row.opened}
        return format_html('<a href="{}">{}</a>', reverse("hq:news_reads", args=[row.pk]), words)
