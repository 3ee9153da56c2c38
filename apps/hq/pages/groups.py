"""企微 › 客户群: groups with what came and went, codes that lead into them, welcomes."""

from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.fields import LinesField
from apps.customer_groups import selectors, services
from apps.customer_groups.models import CustomerGroup, GroupCode, GroupWelcome, Outside
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.picture_form import PictureForm, sealed
from apps.members.selectors import masked_name
from apps.stores.models import Region
from apps.wecom.models import Corp
from apps.wecom.selectors import active_corps

PER_PAGE = 50
MARKS = {"made": "on", "failed": "bad", "unknown": "warn"}


class GroupCodeForm(forms.Form):
    """A code for the chosen groups."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name of the code"), max_length=30)
    new_groups = forms.BooleanField(
        label=gettext_lazy("Open another group when all are full"), required=False, initial=True
    )
    base_name = forms.CharField(
        label=gettext_lazy("Name of further groups"), max_length=40, required=False
    )


class WelcomeWordsForm(PictureForm):
    """What newcomers read and see."""

    text = LinesField(label=gettext_lazy("What newcomers read"), widget=forms.Textarea({"rows": 4}))


class GroupWelcomeForm(WelcomeWordsForm):
    """A welcome for newcomers of groups. Each corp has a library of its own, which its owners see:
    where several are connected, somebody says whose."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name of the welcome"), max_length=30)
    corp = forms.ChoiceField(label=gettext_lazy("For the groups of"))
    notify = forms.BooleanField(
        label=gettext_lazy("Tell the owners that there is a new welcome"),
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        corps = [(corp.corp_id, corp.name) for corp in active_corps()]
        field = cast(forms.ChoiceField, self.fields["corp"])
        field.choices = [("", "—"), *corps]
        if len(corps) == 1:
            field.choices, field.initial = corps, corps[0][0]
            field.required, field.widget = False, forms.HiddenInput()

    def clean_corp(self) -> str:
        return self.cleaned_data["corp"] or self.fields["corp"].initial


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 12 else None


@hq_page(Capability.VIEW_REPORTS)
def group_list(request: HttpRequest) -> HttpResponse:
    """Every group the actor may see: owner, store, size, the last seven days."""
    actor, now = actor_of(request), clock.now()
    asked = {
        "q": request.GET.get("q", "")[:40].strip(),
        "region": request.GET.get("region", ""),
        "dissolved": request.GET.get("dissolved", ""),
    }
    found = selectors.groups_for(
        actor=actor,
        region_id=_number(asked["region"]),
        words=asked["q"],
        dissolved=bool(asked["dissolved"]),
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/groups.html",
        title=_("Customer groups"),
        rows=selectors.with_week(list(page), now=now),
        totals=selectors.totals_for(actor=actor, now=now),
        page=page,
        asked=asked,
        regions=Region.objects.order_by("code"),
        query=urlencode({name: value for name, value in asked.items() if value}) + "&",
        may_act=actor.can(Capability.MANAGE_CONTENT),
    )


@hq_page(Capability.VIEW_REPORTS)
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """One group: its weeks, and who came and went last."""
    actor, now = actor_of(request), clock.now()
    found = get_object_or_404(
        CustomerGroup.objects.visible_to(actor).select_related("owner", "store"), pk=pk
    )
    stays = selectors.recent_stays(found)
    return show(
        request,
        "hq/group.html",
        title=found.name or _("Group without a name"),
        group=found,
        weeks=selectors.weeks_of(found, now=now),
        room=selectors.send_room(found, now=now) if found.is_living else None,
        own_sends=selectors.own_sends_of(found, now=now),
        stays=[
            {"stay": stay, "name": masked_name(stay.member) if stay.member else ""}
            for stay in stays
        ],
        may_act=actor.can(Capability.MANAGE_CONTENT),
    )


# --- codes ----------------------------------------------------------------------------------------


@hq_page(Capability.VIEW_REPORTS)
def group_codes(request: HttpRequest) -> HttpResponse:
    """Codes with their groups and how many came by each; the form for the groups chosen before."""
    form = GroupCodeForm(initial={"client_id": uuid4()})
    return _codes_page(request, form, request.GET.getlist("group"))


def _codes_page(
    request: HttpRequest, form: GroupCodeForm, chosen: list[str], *, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    codes = GroupCode.objects.visible_to(actor).prefetch_related("groups")
    page = Paginator(codes.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    joined = selectors.joined_by_code(list(page))
    return show(
        request,
        "hq/group_codes.html",
        status=status,
        title=_("Group codes"),
        page=page,
        query="",
        rows=[
            {"code": code, "mark": MARKS.get(code.state, ""), "joined": joined.get(code.pk, 0)}
            for code in page
        ],
        form=form,
        chosen=_chosen(request, chosen),
        may_act=actor.can(Capability.MANAGE_CONTENT),
    )


def _chosen(request: HttpRequest, ids: list[str]) -> list[CustomerGroup]:
    numbers = [number for number in map(_number, ids) if number]
    mine = CustomerGroup.objects.visible_to(actor_of(request)).living()
    return list(mine.filter(pk__in=numbers).order_by("pk"))


@hq_action(Capability.MANAGE_CONTENT)
def group_code_new(request: HttpRequest) -> HttpResponse:
    """Ask WeCom for a code into the chosen groups."""
    form, chosen = GroupCodeForm(request.POST), request.POST.getlist("group")
    if not form.is_valid():
        return _codes_page(request, form, chosen, status=400)
    given: dict[str, Any] = form.cleaned_data
    try:
        services.make_code(
            client_id=given["client_id"],
            name=given["name"],
            groups=_chosen(request, chosen),
            new_groups=given["new_groups"],
            base_name=given["base_name"],
            actor=actor_of(request),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
        return _codes_page(request, form, chosen, status=400)
    messages.success(request, _("WeCom makes the code; it is here in a minute."))
    return redirect("hq:group_codes")


@hq_action(Capability.MANAGE_CONTENT)
def group_code_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a code back, or say what is to become of one of which nobody knows."""
    code = get_object_or_404(GroupCode.objects.visible_to(actor_of(request)), pk=pk)
    _act(request, code)
    return redirect("hq:group_codes")


def _act(request: HttpRequest, row: Outside) -> None:
    actor, now = actor_of(request), clock.now()
    what = request.POST.get("what", "")
    try:
        if what in ("again", "drop"):
            services.decide_outside(row=row, again=what == "again", actor=actor, now=now)
            messages.success(request, _("Settled."))
        elif what == "take_back":
            services.take_back(row=row, actor=actor, now=now)
            messages.success(request, _("It is taken back."))
    except DomainError as error:
        messages.error(request, str(error))


# --- welcomes -------------------------------------------------------------------------------------


@hq_page(Capability.VIEW_REPORTS)
def group_welcomes(request: HttpRequest) -> HttpResponse:
    """Welcomes that owners may choose on their phones."""
    return _welcomes_page(request)


def _welcomes_page(
    request: HttpRequest,
    form: GroupWelcomeForm | None = None,
    *,
    changing: tuple[GroupWelcome, WelcomeWordsForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    """`changing` is a welcome with what was typed for it and could not be taken."""
    welcomes = GroupWelcome.objects.visible_to(actor_of(request)).order_by("-pk")
    corps = dict(Corp.objects.values_list("corp_id", "name"))
    page = Paginator(welcomes, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/group_welcomes.html",
        status=status,
        title=_("Group welcomes"),
        page=page,
        query="",
        rows=[
            {
                "welcome": row,
                "corp": corps.get(row.corp_id, row.corp_id),
                "mark": MARKS.get(row.state, ""),
                "form": _words_form(row, changing),
                "open": changing is not None and changing[0] == row,
            }
            for row in page
        ],
        form=form or GroupWelcomeForm(initial={"client_id": uuid4()}),
        several=len(corps) > 1,
        may_act=actor_of(request).can(Capability.MANAGE_CONTENT),
    )


def _words_form(
    row: GroupWelcome, changing: tuple[GroupWelcome, WelcomeWordsForm] | None
) -> WelcomeWordsForm:
    if changing is not None and changing[0] == row:
        return changing[1]
    return WelcomeWordsForm(initial={"text": row.text, "kept": sealed(str(row.picture))})


@hq_action(Capability.MANAGE_CONTENT)
def group_welcome_new(request: HttpRequest) -> HttpResponse:
    """Bring a welcome to WeCom's library of the company."""
    form = GroupWelcomeForm(request.POST, request.FILES)
    if not form.is_valid():
        return _welcomes_page(request, form, status=400)
    given: dict[str, Any] = form.cleaned_data
    try:
        services.make_welcome(
            client_id=given["client_id"],
            name=given["name"],
            text=given["text"],
            notify=given["notify"],
            picture=given["kept"],
            corp_id=given["corp"],
            actor=actor_of(request),
            now=clock.now(),
        )
    except DomainError as error:
        form.add_error("text", str(error))
        return _welcomes_page(request, form, status=400)
    messages.success(request, _("Owners find it on their phones in a minute."))
    return redirect("hq:group_welcomes")


@hq_action(Capability.MANAGE_CONTENT)
def group_welcome_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Other words, taking back, or settling."""
    welcome = get_object_or_404(GroupWelcome.objects.visible_to(actor_of(request)), pk=pk)
    if request.POST.get("what") != "change":
        _act(request, welcome)
        return redirect("hq:group_welcomes")
    typed = WelcomeWordsForm(request.POST, request.FILES)
    if not typed.is_valid():
        return _welcomes_page(request, changing=(welcome, typed), status=400)
    try:
        services.change_welcome(
            welcome=welcome,
            text=typed.cleaned_data["text"],
            picture=typed.cleaned_data["kept"],
            actor=actor_of(request),
            now=clock.now(),
        )
    except DomainError as error:
        typed.add_error("text", str(error))
        return _welcomes_page(request, changing=(welcome, typed), status=400)
    messages.success(request, _("WeCom gets the new words in a minute."))
    return redirect("hq:group_welcomes")
