"""For store managers: 排班, 分配, 离职/调店."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.ids import row_id, row_ids
from apps.core.wake import wake
from apps.guide_portal import handovers, people
from apps.guide_portal.leading import led_tasks, over_tasks
from apps.guide_portal.people_forms import CellForm, CoverForm, GiveForm, WeekForm
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services import assigning
from apps.handovers.services import giving
from apps.members.models import ServingPeriod
from apps.stores import selectors as store_reads
from apps.stores import services as stores
from apps.stores.models import Cover, Guide, Posting, Store


class StorePage(GuidePage):
    """A page about one store of the manager: the one asked for, else where they work."""

    capability = Capability.MANAGE_TEAM
    tab = "tools"

    def store(self) -> Store:
        asked = self.request.POST.get("store") or self.request.GET.get("store", "")
        seen = Store.objects.visible_to(self.actor)
        if asked:
            return get_object_or_404(seen, pk=row_id(asked))
        own = Posting.objects.on(self.actor.on).filter(guide_id=self.guide_id)
        return get_object_or_404(seen, pk__in=own.values("store_id"))

    def onward(self, name: str, store: Store, *args: int, query: str = "") -> HttpResponse:
        address = reverse(f"guide_portal:{name}", args=args)
        return redirect(f"{address}?store={store.pk}{query}")

    def helpers(self, store: Store) -> list[int]:
        """Who works in the store today."""
        at_work = store_reads.at_work(store_ids=[store.pk], day=clock.business_day(self.now))
        return [one.guide_id for one in at_work]


# --- 排班 ----------------------------------------------------------------------------------------


class Duty(StorePage):
    """A week: one tap marks a day off, one tap takes it back."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(self.store(), request.GET.get("week", ""))

    def page(self, store: Store, asked: str) -> HttpResponse:
        first = people.week_from(clock.business_day(self.now), self._asked(asked))
        page = people.duty_page(store=store, first=first, now=self.now)
        part = "partials/_duty.html" if self.request.htmx else "duty.html"
        return self.render(f"guide_portal/{part}", {"page": page})

    def _asked(self, asked: str) -> date:
        today = clock.business_day(self.now)
        try:
            wanted = date.fromisoformat(asked)
        except ValueError:
            return today
        return min(max(wanted, today), today + stores.PLAN_AHEAD - people.WEEK)


class DutyAct(Duty):
    """An act on the week: back to the week, or only its part."""

    http_method_names = ["post"]

    def done(self, store: Store) -> HttpResponse:
        week = self.request.POST.get("week", "")
        if self.request.htmx:
            return self.page(store, week)
        return self.onward("duty", store, query=f"&week={self._asked(week).isoformat()}")


class MarkDay(DutyAct):
    """A guide's day off, or a working day again."""

    def post(self, request: HttpRequest, guide_id: int) -> HttpResponseBase:
        store, form = self.store(), CellForm(request.POST)
        posted = Posting.objects.visible_to(self.actor).filter(store=store)
        guide = get_object_or_404(Guide, pk__in=posted.values("guide_id"), pk=guide_id)
        if not form.is_valid():
            return self.bad_form(form)
        day, state = form.cleaned_data["cell"]
        stores.set_day_off(
            guide=guide, store=store, day=day, off=state == "off", actor=self.actor, now=self.now
        )
        return self.done(store)


class MarkStore(DutyAct):
    """A day on which the store is closed, or open again."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        store, form = self.store(), CellForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        day, state = form.cleaned_data["cell"]
        stores.set_store_closed(
            store=store, day=day, closed=state == "closed", actor=self.actor, now=self.now
        )
        return self.done(store)


class RepeatWeek(DutyAct):
    """照上周: the days off of the week before."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        store, form = self.store(), WeekForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        made = stores.repeat_week(
            store=store, first=form.cleaned_data["first"], actor=self.actor, now=self.now
        )
        messages.success(request, _("%(n)s days off as the week before") % {"n": made})
        return self.done(store)


class StartCover(DutyAct):
    """代班: somebody works for a guide who is away; the customers stay the guide's."""

    def post(self, request: HttpRequest, guide_id: int) -> HttpResponseBase:
        store, form = self.store(), CoverForm(request.POST)
        here = Guide.objects.filter(
            pk__in=Posting.objects.visible_to(self.actor).filter(store=store).values("guide_id")
        )
        absent: Guide = get_object_or_404(here, pk=guide_id)
        if not form.is_valid():
            return self.bad_form(form, _("Choose the first and the last day, then who covers"))
        covering: Guide = get_object_or_404(here, pk=form.cleaned_data["covering"])
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: giving.start_cover(
                store=store,
                absent=absent,
                covering=covering,
                first=form.cleaned_data["first"],
                last=form.cleaned_data["last"],
                actor=self.actor,
                now=self.now,
            ),
        )
        if done:
            messages.success(request, _("Open work goes over within a minute"))
        return self.done(store)


class EndCover(DutyAct):
    def post(self, request: HttpRequest, cover_id: int) -> HttpResponseBase:
        cover = get_object_or_404(Cover.objects.visible_to(self.actor), pk=cover_id)
        if not Store.objects.visible_to(self.actor).filter(pk=cover.store_id).exists():
            raise Http404
        giving.end_cover(cover=cover, actor=self.actor, now=self.now)
        messages.success(request, _("The guide is back"))
        return self.done(cover.store)


# --- 分配 ----------------------------------------------------------------------------------------


class Assign(StorePage):
    """Customers without a guide, and who of the team has how much open."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = people.assign_page(store=self.store(), now=self.now)
        return self.render("guide_portal/assign.html", {"page": page})


class AssignMembers(StorePage):
    """Customers of nobody get a guide: those ticked, or all of them; one guide, or by load."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        store = self.store()
        unserved = people.unserved_members(store)
        form = GiveForm(request.POST, rows=_asked(unserved, request))
        if not form.is_valid():
            return self.bad_form(form)
        wanted = form.cleaned_data["row"] or list(unserved.values_list("pk", flat=True))
        among = [form.guide_id] if form.guide_id else self.helpers(store)
        given: list[int] = []
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: given.append(
                giving.share_members(
                    store=store,
                    member_ids=wanted,
                    among=among,
                    actor=self.actor,
                    now=self.now,
                )
            ),
        )
        if done:
            messages.success(request, _("%(n)s customers have a guide now") % {"n": sum(given)})
        return self.onward("assign", store)


def _asked(rows: QuerySet[Any], request: HttpRequest) -> list[int]:
    """The ticked rows that are still there. A form that ticks another one is refused as a whole:
    without any row it would mean everybody."""
    asked = request.POST.getlist("row")
    found = rows.filter(pk__in=row_ids(asked))
    return list(found.values_list("pk", flat=True))


class Work(StorePage):
    """One guide's open customers: given to colleagues, given more time, taken back."""

    def guide(self, store: Store, guide_id: int) -> Guide:
        work = TaskTarget.objects.visible_to(self.actor).open().filter(store=store)
        posted = Posting.objects.by_store_on(self.actor.on).filter(store=store).values("guide_id")
        here = Q(pk__in=posted) | Exists(work.filter(guide_id=OuterRef("pk")))
        return get_object_or_404(Guide, here, pk=guide_id)

    def get(self, request: HttpRequest, guide_id: int) -> HttpResponse:
        store = self.store()
        guide = self.guide(store, guide_id)
        page = people.work_page(guide=guide, store=store, now=self.now)
        tasks = led_tasks(guide=guide, store=store, now=self.now)
        over = over_tasks(guide=guide, store=store, now=self.now)
        context = {"page": page, "store": store, "tasks": tasks, "over": over}
        return self.render("guide_portal/work.html", context)


class GiveWork(Work):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, guide_id: int) -> HttpResponseBase:
        store = self.store()
        guide = self.guide(store, guide_id)
        mine = TaskTarget.objects.visible_to(self.actor).open().filter(guide=guide, store=store)
        form = GiveForm(request.POST, rows=_asked(mine, request))
        if not form.is_valid():
            return self.bad_form(form)
        wanted = form.cleaned_data["row"] or list(
            mine.opened_by(self.now).values_list("pk", flat=True)
        )
        moves: list[assigning.Moves] = []
        self.once(
            form.cleaned_data["client_id"],
            lambda: moves.append(self._move(wanted, form.guide_id, store)),
        )
        for one in moves:
            words = _("%(n)s customers went to colleagues") % {"n": one.moved}
            messages.success(request, "，".join(filter(None, [words, one.sentence])))
        return self.onward("work", store, guide.pk)

    def _move(self, wanted: list[int], to: int | None, store: Store) -> assigning.Moves:
        if to is None:
            return assigning.share_out(target_ids=wanted, actor=self.actor, now=self.now)
        posted = Posting.objects.by_store_on(self.actor.on).filter(store=store).values("guide_id")
        receiver = get_object_or_404(Guide, pk__in=posted, pk=to)
        return assigning.reassign(target_ids=wanted, guide=receiver, actor=self.actor, now=self.now)


# --- 离职/调店 -----------------------------------------------------------------------------------


class Handover(StorePage):
    """Who has gone, and what of theirs is still to be handed over."""

    def get(self, request: HttpRequest) -> HttpResponse:
        store = self.store()
        context = {
            "goers": people.goers(store=store, now=self.now),
            "runs": handovers.run_lines(store_id=store.pk, actor=self.actor),
            "store": store,
        }
        return self.render("guide_portal/handover.html", context)


class HandoverOf(StorePage):
    """One leaver: each customer's state, and who is to serve them."""

    def gone(self, store: Store, guide_id: int) -> Guide:
        guide = people.gone_guide(guide_id=guide_id, store=store, now=self.now)
        if guide is None:
            raise Http404
        return guide

    def get(self, request: HttpRequest, guide_id: int) -> HttpResponse:
        store = self.store()
        guide = self.gone(store, guide_id)
        context = {
            "page": people.goer_page(guide=guide, store=store, now=self.now),
            "runs": handovers.run_lines(store_id=store.pk, actor=self.actor, guide_id=guide.pk),
            "store": store,
        }
        return self.render("guide_portal/handover_of.html", context)


class HandOver(HandoverOf):
    """Give a leaver's customers to one successor, or share them out by load."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, guide_id: int) -> HttpResponseBase:
        store = self.store()
        guide = self.gone(store, guide_id)
        form = GiveForm(request.POST, rows=[])
        if not form.is_valid():
            return self.bad_form(form)
        theirs = ServingPeriod.objects.current().filter(guide=guide, store=store)
        among = [form.guide_id] if form.guide_id else self.helpers(store)
        given: list[int] = []
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: given.append(
                giving.share_members(
                    store=store,
                    member_ids=list(theirs.values_list("member_id", flat=True)),
                    among=among,
                    gone=guide,
                    actor=self.actor,
                    now=self.now,
                )
            ),
        )
        if done:
            wake(stores.MOVE_WORK_JOB)
            messages.success(
                request,
                _("%(n)s customers handed over; open work follows where they are friends")
                % {"n": sum(given)},
            )
        return self.onward("handover_of", store, guide.pk)
