"""Head office's side: texts of consents, what members ask about their data."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.accounts.admin_base import RoomAdmin, StateColumn, actor_of, state_mark, who_words
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.member_portal.models import ConsentText, DataRequest
from apps.member_portal.services import erasure, requests
from apps.members.admin_base import MemberColumn
from apps.stores.selectors import who_behind

# who is none of ours
_OTHERS = {"": "", "member": pgettext_lazy("data request", "the customer")}


@admin.register(ConsentText)
class ConsentTextAdmin(RoomAdmin):
    """A text that was published is never changed: a new version follows it."""

    view_capability = Capability.VIEW_HEALTH
    edit_capability = Capability.MANAGE_USERS
    list_display = ["purpose", "version", "title", "valid_from"]
    list_filter = ["purpose"]
    fields = ["purpose", "version", "title", "body", "valid_from"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DataRequestForm(forms.ModelForm):
    """The only thing written here is a refusal, with the sentence the member reads."""

    class Meta:
        model = DataRequest
        fields = ["answer"]

    def clean_answer(self) -> str:
        if self.instance.state != DataRequest.State.OPEN:
            raise forms.ValidationError(str(requests.RequestSettled()))
        answer = str(self.cleaned_data["answer"]).strip()
        if not answer:
            raise forms.ValidationError(str(requests.AnswerMissing()))
        return answer


@admin.register(DataRequest)
class DataRequestAdmin(MemberColumn, StateColumn, RoomAdmin):
    """Requests by due day. Deleting is an action; saving an answer refuses the request."""

    marks = {"open": "warn", "done": "on", "refused": "bad"}
    view_capability = Capability.VIEW_HEALTH
    edit_capability = Capability.MANAGE_USERS
    form = DataRequestForm
    list_display = ["id", "show_member", "kind", "show_state", "asked_at", "show_due", "settled_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["member"]
    actions = ["erase"]
    may_add = False
    fields = ["show_member", "kind", "state", "asked_at", "due_on", "answer", "settled_at",
              "show_settler", "proof"]  # fmt: skip
    readonly_fields = ["show_member", "kind", "state", "asked_at", "due_on", "settled_at",
                       "show_settler", "proof"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataRequest]:
        return super().get_queryset(request).annotate(settler=who_behind("settled_by"))

    @admin.display(description=gettext_lazy("settled by"))
    def show_settler(self, row: Any) -> str:
        return who_words(row.settled_by, row.settler, _OTHERS)

    @admin.display(description=gettext_lazy("answer due by"), ordering="due_on")
    def show_due(self, row: DataRequest) -> SafeString:
        late = row.state == DataRequest.State.OPEN and row.due_on < clock.today()
        words = _("%(day)s, overdue") if late else "%(day)s"
        return state_mark(words % {"day": row.due_on}, "bad" if late else "")

    def save_model(
        self, request: HttpRequest, obj: DataRequest, form: forms.ModelForm, change: bool
    ) -> None:
        requests.refuse(
            request_id=obj.pk,
            answer=form.cleaned_data["answer"],
            actor=actor_of(request),
            now=clock.now(),
        )

    @admin.action(
        description=gettext_lazy("Delete these members' data, for good"), permissions=["change"]
    )
    def erase(self, request: HttpRequest, queryset: QuerySet[DataRequest]) -> None:
        done = 0
        for row in queryset.filter(kind=DataRequest.Kind.ERASE, state=DataRequest.State.OPEN):
            try:
                erasure.erase(request_id=row.pk, actor=actor_of(request), now=clock.now())
                done += 1
            except DomainError as error:
                messages.error(request, str(error))
        words = ngettext("%(n)s person deleted.", "%(n)s people deleted.", done) % {"n": done}
        messages.success(request, words)
