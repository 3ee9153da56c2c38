"""Users, API keys and the audit record."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.accounts import services
from apps.accounts.actor import SYSTEM
from apps.accounts.admin_base import RoomAdmin, actor_of
from apps.accounts.capabilities import API_CAPABILITIES, Capability, Role
from apps.accounts.models import ApiKey, AuditEntry, User
from apps.accounts.naming import names_of
from apps.accounts.record_words import action_words, detail_words, object_words
from apps.core import clock

# rights are roles here; Django's groups would be a second answer to the same question
if admin.site.is_registered(Group):
    admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(RoomAdmin, DjangoUserAdmin):
    """People of head office. Guides get their account when they first come in through WeCom."""

    view_capability = Capability.MANAGE_USERS
    edit_capability = Capability.MANAGE_USERS
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "show_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "last_name", "first_name"]
    ordering = ["username"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["last_name", "first_name", "email"]}),
        (_("Access"), {"fields": ["role", "is_active", "wecom_userid", "wecom_corp_id"]}),
        (_("Times"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"fields": ["username", "last_name", "first_name", "role", "password1", "password2"]},
        ),
    ]

    @admin.display(description=_("name"), ordering="last_name")
    def show_name(self, row: User) -> str:
        return row.get_full_name()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        # an account with no password of ours signs in by WeCom alone; its role follows the posting
        return super().get_queryset(request).exclude(role__in=[Role.GUIDE, Role.STORE_MANAGER])


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=_("scopes"),
        choices=[
            (Capability.API_WRITE_MEMBERS, _("write members")),
            (Capability.API_WRITE_ORDERS, _("write orders")),
            (Capability.API_WRITE_STOCK, _("write stock")),
            (Capability.API_WRITE_CASES, _("write complaints")),
        ],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=sorted(API_CAPABILITIES),
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "chain_wide", "expires_at"]


@admin.register(ApiKey)
class ApiKeyAdmin(RoomAdmin):
    """Keys of tills and malls. The secret is shown once, right after it was made."""

    view_capability = Capability.MANAGE_USERS
    edit_capability = Capability.MANAGE_USERS
    form = ApiKeyForm
    list_display = ["name", "prefix", "chain_wide", "show_state", "created_at", "expires_at",
                    "last_used_at"]  # fmt: skip
    list_select_related = ["created_by"]
    search_fields = ["name", "prefix"]
    ordering = ["-id"]
    actions = ["revoke"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return []
        return ["name", "prefix", "scopes", "chain_wide", "created_by", "created_at", "expires_at",
                "revoked_at", "last_used_at"]  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        return self.get_readonly_fields(request, obj) or [
            "name", "scopes", "chain_wide", "expires_at",
        ]  # fmt: skip

    @admin.display(description=_("state"))
    def show_state(self, row: ApiKey) -> str:
        if row.revoked_at is not None:
            return gettext("revoked")
        if row.expires_at is not None and row.expires_at <= clock.now():
            return gettext("run out")
        return gettext("in use")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            return
        made, secret = services.create_api_key(
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            created_by=request.user if isinstance(request.user, User) else None,
            expires_at=obj.expires_at,
            chain_wide=obj.chain_wide,
        )
        obj.pk, obj.prefix, obj._state.adding = made.pk, made.prefix, False
        messages.warning(
            request,
            gettext("Copy the key now; it is shown this once: %(secret)s") % {"secret": secret},
        )

    def response_add(self, request: HttpRequest, obj: ApiKey, **kwargs: Any) -> HttpResponse:
        return self.response_post_save_add(request, obj)

    @admin.action(description=_("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_api_key(api_key=key, actor=actor_of(request), now=clock.now())
        messages.success(request, gettext("The keys end at once."))


class ActionFilter(admin.AllValuesFieldListFilter):
    """Actions that were done, in words."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": action_words(str(choice["display"]))}


@admin.register(AuditEntry)
class AuditEntryAdmin(RoomAdmin):
    """Who did or saw what. Nothing here can be changed."""

    view_capability = Capability.VIEW_AUDIT
    list_display = ["at", "show_actor", "show_action", "show_object", "show_which", "show_detail"]
    list_filter = [("action", ActionFilter), "at"]
    search_fields = ["action", "object_type", "object_id", "actor"]
    ordering = ["-id"]
    may_add = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        names = User.objects.filter(pk=OuterRef("user_id"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                by_last=names.values("last_name")[:1],
                by_first=names.values("first_name")[:1],
                by_user=names.values("username")[:1],
            )
        )

    @admin.display(description=_("actor"))
    def show_actor(self, row: Any) -> str:
        name = f"{row.by_last or ''}{row.by_first or ''}" or row.by_user
        return name or (gettext("system") if row.actor == SYSTEM.label else row.actor)

    @admin.display(description=_("action"), ordering="action")
    def show_action(self, row: AuditEntry) -> str:
        return action_words(row.action)

    @admin.display(description=_("object"), ordering="object_type")
    def show_object(self, row: AuditEntry) -> str:
        return object_words(row.object_type)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page's rows with what each was about: named once for all of them."""
        found = super().get_changelist_instance(request)
        names = names_of((row.object_type, row.object_id) for row in found.result_list)
        for row in found.result_list:
            row.named = names.get((row.object_type, row.object_id))
        return found

    @admin.display(description=_("which"))
    def show_which(self, row: Any) -> str:
        if getattr(row, "named", None) is None:
            return row.object_id or "—"
        words = row.named.name or gettext("See the page")
        return format_html('<a href="{}">{}</a>', row.named.url, words)

    @admin.display(description=_("detail"))
    def show_detail(self, row: AuditEntry) -> str:
        return detail_words(row.detail or {})[:160]
