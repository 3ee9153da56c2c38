"""Lists that need more than one room: members with their numbers, and the scheduled jobs."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from import_export.fields import Field
from import_export.resources import Diff

from apps.accounts.actor import SYSTEM
from apps.accounts.admin_base import ImportExportAdmin, RoomAdmin, actor_of
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import ChoiceWidget, DayWidget, RefWidget, RoomResource
from apps.core import clock, pii
from apps.core.money import format_fen
from apps.hq.pages import jobs
from apps.members import selectors, services
from apps.members.models import Consent, Member, MemberIdentity, ServingPeriod
from apps.profiles.models import MemberProfile, Stage
from apps.stores.models import Store

# --- members --------------------------------------------------------------------------------------

COUNT_BY_ESTIMATE = 200_000
REFUSALS = {
    "identity_conflict": _("Two identifiers lead to two different members; nothing was merged."),
    "invalid_phone": _("This is not a mobile number."),
    "no_identity": _("A row needs a phone."),
}


class MemberPaginator(Paginator):
    """An unfiltered list of millions is counted by PostgreSQL's own estimate."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet) and not rows.query.where:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                    [Member._meta.db_table],
                )
                estimate = cursor.fetchone()[0]
            if estimate > COUNT_BY_ESTIMATE:
                return estimate
        return super().count


class StageFilter(admin.SimpleListFilter):
    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Stage.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        if self.value() not in Stage.values:
            return queryset
        profile = MemberProfile.objects.filter(member_id=OuterRef("pk"))
        if self.value() == Stage.PROSPECT:
            return queryset.exclude(Exists(profile.exclude(stage=Stage.PROSPECT)))
        return queryset.filter(Exists(profile.filter(stage=self.value())))


class ServedFilter(admin.SimpleListFilter):
    title = _("serving guide")
    parameter_name = "served"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("has one")), ("no", _("has none"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        serving = Exists(ServingPeriod.objects.current().filter(member_id=OuterRef("pk")))
        if self.value() == "yes":
            return queryset.filter(serving)
        if self.value() == "no":
            return queryset.filter(~serving)
        return queryset


class JoinedFilter(admin.SimpleListFilter):
    title = _("membership")
    parameter_name = "joined"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("members")), ("no", _("contacts who have not joined"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        if self.value() in ("yes", "no"):
            return queryset.filter(joined_at__isnull=self.value() == "no")
        return queryset


class MaskedDiff(Diff):
    """A preview through the same masks as the export."""

    def __init__(self, resource: Any, instance: Member, new: bool) -> None:
        self.new = new
        self.left = self._shown(resource, None if new else instance)
        self.right: list[Any] = []

    def compare_with(self, resource: Any, instance: Member | None) -> None:
        self.right = self._shown(resource, instance)

    @staticmethod
    def _shown(resource: Any, member: Member | None) -> list[Any]:
        fields = resource.get_import_fields()
        if member is None:
            return [""] * len(fields)
        return [resource.export_field(field, member) for field in fields]


class MemberResource(RoomResource):
    """Out: masked, always. In: through the members' own service, one decision per row."""

    labels = {
        "public_id": _("member number"),
        "phone": _("phone"),
        "name": _("name"),
        "gender": _("gender"),
        "level": _("level"),
        "home_store": _("home store code"),
        "joined_on": _("joined on"),
        "wecom_consent": _("agreed to WeCom marketing on"),
        "consent_text": _("version of the consent text"),
    }
    phone = Field("phone", column_name="phone")
    gender = Field("gender", "gender", ChoiceWidget(Member.Gender.choices, default=""))
    home_store = Field(
        "home_store", "home_store", RefWidget(Store.objects, ("code", "name"), "code", True)
    )
    joined_on = Field("joined_on", column_name="joined_on")
    wecom_consent = Field("wecom_consent", column_name="wecom_consent")
    consent_text = Field("consent_text", column_name="consent_text")

    class Meta:
        model = Member
        import_id_fields = ["phone"]
        fields = ["public_id", "phone", "name", "gender", "level", "home_store", "joined_on",
                  "wecom_consent", "consent_text"]  # fmt: skip
        export_order = fields
        use_transactions = True

    @classmethod
    def get_diff_class(cls) -> type[Diff]:
        return MaskedDiff

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        self._seen: set[str] = set()
        if "phone" in (dataset.headers or []):
            services.hold_members(phones=[str(one or "").strip() for one in dataset["phone"]])

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        super().before_import_row(row, **kwargs)
        row["phone"] = str(row.get("phone") or "")
        try:
            normal = pii.normalise_phone(row["phone"])
        except pii.InvalidPhone:
            self.refuse(phone=str(REFUSALS["invalid_phone"]))
        if normal in self._seen:
            self.refuse(phone=gettext("The same phone stands in a row above."))
        self._seen.add(normal)

    def get_instance(self, instance_loader: Any, row: dict[str, Any]) -> Member | None:
        found = selectors.find_by_identity(MemberIdentity.Kind.PHONE, "", row["phone"])
        self._know([found.pk] if found else [])
        return found

    def import_field(self, field: Field, instance: Member, row: Any, **kwargs: Any) -> None:
        if field.column_name in ("gender", "home_store"):
            super().import_field(field, instance, row, **kwargs)

    def _days(self, row: dict[str, Any]) -> dict[str, datetime | None]:
        found: dict[str, datetime | None] = {}
        for name in ("joined_on", "wecom_consent"):
            try:
                day = DayWidget(optional=True).clean(row.get(name))
            except ValueError as error:
                self.refuse(**{name: str(error)})
            if day and day > clock.today():
                self.refuse(**{name: gettext("This day has not come yet.")})
            found[name] = clock.day_start(day) if day else None
        return found

    def do_instance_save(self, instance: Member, is_create: bool) -> None:
        """The service has saved it; see `before_save_instance`."""

    def before_save_instance(self, instance: Member, row: dict[str, Any], **kwargs: Any) -> None:
        days, now = self._days(row), clock.now()
        consents = []
        if days["wecom_consent"] is not None:
            consents.append(
                services.ConsentRow(
                    purpose=Consent.Purpose.WECOM_MARKETING,
                    text_version=str(row.get("consent_text") or "1"),
                    channel="import",
                    given_at=days["wecom_consent"],
                )
            )
        answer = services.resolve_members(
            rows=[
                services.MemberRow(
                    identities=[(MemberIdentity.Kind.PHONE, "", row["phone"])],
                    name=str(row.get("name") or ""),
                    gender=instance.gender,
                    level=str(row.get("level") or ""),
                    home_store_id=instance.home_store_id,
                    joined_at=days["joined_on"],
                    source="import",
                    consents=consents,
                )
            ],
            now=now,
            source="import",
            actor=self.actor or SYSTEM,
        )[0]
        if answer.error:
            self.refuse(phone=str(REFUSALS.get(answer.error, answer.error)))
        # what the preview shows is what was saved, masked as everywhere
        instance.pk = answer.member_id
        instance.refresh_from_db()
        self._know([instance.pk])

    def _know(self, ids: list[int]) -> None:
        self._phones = selectors.masked_phones(ids)
        self._consents = dict(
            Consent.objects.valid()
            .filter(member_id__in=ids, purpose=Consent.Purpose.WECOM_MARKETING)
            .values_list("member_id", "given_at")
        )

    def get_queryset(self) -> QuerySet[Member]:
        return Member.objects.select_related("home_store")

    def before_export(self, queryset: QuerySet[Member], **kwargs: Any) -> None:
        self._know(list(queryset.values_list("pk", flat=True)))

    def dehydrate_phone(self, member: Member) -> str:
        return getattr(self, "_phones", {}).get(member.pk, "")

    def dehydrate_name(self, member: Member) -> str:
        return selectors.masked_name(member)

    def dehydrate_joined_on(self, member: Member) -> str:
        return clock.business_day(member.joined_at).isoformat() if member.joined_at else ""

    def dehydrate_wecom_consent(self, member: Member) -> str:
        given = getattr(self, "_consents", {}).get(member.pk)
        return clock.business_day(given).isoformat() if given else ""

    def dehydrate_consent_text(self, member: Member) -> str:
        return ""


@admin.register(Member)
class MemberAdmin(ImportExportAdmin):
    """The masked list; a row opens the member's own page."""

    view_capability = Capability.VIEW_MEMBERS
    export_capability = Capability.EXPORT_MEMBERS
    resource_classes = [MemberResource]
    import_note = _("A known phone updates that member; nothing is ever merged by an import.")
    paginator = MemberPaginator
    list_before_template = "hq/_find_member.html"
    list_display = ["show_who", "show_stage", "show_last", "show_spend", "show_guide", "level"]
    list_display_links = None
    list_filter = [StageFilter, JoinedFilter, ServedFilter, "home_store"]
    ordering = ["-id"]
    may_add = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        profile = MemberProfile.objects.filter(member_id=OuterRef("pk"))
        serving = ServingPeriod.objects.current().filter(member_id=OuterRef("pk"))
        phone = MemberIdentity.objects.filter(
            member_id=OuterRef("pk"), kind=MemberIdentity.Kind.PHONE
        )
        members: Any = super().get_queryset(request)
        return members.survivors().annotate(
            stage=profile.values("stage")[:1],
            last_order_on=profile.values("last_order_on")[:1],
            net_fen=profile.values("net_fen")[:1],
            guide_name=serving.values("guide__name")[:1],
            guide_store=serving.values("store__name")[:1],
            phone_enc=phone.values("value_enc")[:1],
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST" or not self.has_view_permission(request):
            raise PermissionDenied  # our page takes the place of the one that asks
        member = self.get_object(request, object_id)
        if member is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return redirect("hq:member", public_id=member.public_id)

    @admin.display(description=_("member"), ordering="id")
    def show_who(self, row: Any) -> SafeString:
        enc = row.phone_enc
        return format_html(
            '<a href="{}"><span class="hq-cell"><b>{}</b><small>{}</small></span></a>',
            reverse("hq:member", args=[row.public_id]),
            selectors.listed_name(row),
            pii.mask_phone(pii.decrypt(enc)) if enc else gettext("no phone"),
        )

    @admin.display(description=_("stage"))
    def show_stage(self, row: Any) -> str:
        # who never bought has no profile yet: the same stage as segments see
        stage = row.stage or Stage.PROSPECT
        return str(Stage(stage).label)

    @admin.display(description=_("last purchase"))
    def show_last(self, row: Any) -> str:
        day = row.last_order_on
        return day.isoformat() if day else "—"

    @admin.display(description=_("net spend (order view)"))
    def show_spend(self, row: Any) -> str:
        return format_fen(row.net_fen) if row.net_fen else "—"

    @admin.display(description=_("serving guide"))
    def show_guide(self, row: Any) -> SafeString | str:
        name = row.guide_name
        if not name:
            return "—"
        store = row.guide_store
        return format_html(
            '<span class="hq-cell"><span>{}</span><small>{}</small></span>', name, store
        )


# --- jobs -----------------------------------------------------------------------------------------

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(RoomAdmin):
    """Scheduled jobs: what each is for, last and next run, how often; the list is our page."""

    view_capability = Capability.MANAGE_JOBS
    edit_capability = Capability.MANAGE_JOBS
    may_add = False
    fields = ["name", "task", "description", "enabled", "interval", "crontab"]
    readonly_fields = ["name", "task", "description"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):  # our page takes the place of the one that asks
            raise PermissionDenied
        return jobs.job_list(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("admin:django_celery_beat_periodictask_changelist")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).can(Capability.MANAGE_JOBS)
