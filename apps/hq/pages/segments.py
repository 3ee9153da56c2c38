"""人群: the list, and the builder in sentences with counts as one types."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.hq import builder
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.selectors import members_by_reach, people, reach_of
from apps.outreach import policy
from apps.segments import selectors, services
from apps.segments.errors import SegmentError
from apps.segments.models import Segment, SegmentRun, SegmentVersion

SAMPLE = 3
LIST_LIMIT = 1000
PER_PAGE = 50


def builder_context(tree: builder.Tree, *, actor: Actor) -> dict[str, Any]:
    """What the builder shows for a tree: counted lines, the sentence, who it finds, a sample."""
    now = clock.now()
    counted = builder.countable(tree)
    options = builder.Options(actor)
    context: dict[str, Any] = {"tree": tree, "complete": builder.is_complete(tree), "now": now}
    try:
        counts = selectors.running_counts(counted, now)
        context |= {
            "rule": builder.lines(tree, options, counts),
            "reach": reach_of(definition=counted, now=now),
            "sample": selectors.sample(counted, actor, SAMPLE, now),
            "sentence": selectors.explain(tree) if context["complete"] else "",
        }
    except SegmentError as error:
        context |= {"rule": builder.lines(tree, options, {}), "error": str(error)}
    return context


def _asked(request: HttpRequest) -> builder.Tree:
    tree = builder.parse(request.POST)
    do = request.POST.get("do", "")
    return builder.change(tree, do) if do else tree


@hq_page(Capability.BUILD_SEGMENTS)
def segment_list(request: HttpRequest) -> HttpResponse:
    """Every segment with its newest version and when it was last counted."""
    newest = SegmentVersion.objects.filter(segment_id=OuterRef("pk")).order_by("-number")
    runs = SegmentRun.objects.filter(version__segment_id=OuterRef("pk")).order_by("-as_of")
    rows = Segment.objects.filter(is_active=True).annotate(
        number=Subquery(newest.values("number")[:1]),
        definition=Subquery(newest.values("definition")[:1]),
        counted=Subquery(runs.values("member_count")[:1]),
        counted_at=Subquery(runs.values("as_of")[:1]),
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return show(request, "hq/segments.html", title=_("Segments"), page=page)


@hq_page(Capability.BUILD_SEGMENTS)
def segment(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """One segment: change the rule, see what it finds, keep it as the next version."""
    row = get_object_or_404(Segment, pk=pk, is_active=True) if pk else None
    version = row.versions.order_by("-number").first() if row else None
    if request.method == "POST":
        tree = _asked(request)
        if "save" in request.POST:
            return _save(request, row, tree)
    else:
        tree = builder.as_group(version.definition if version else None)
    return _page(request, row, version, tree)


def _page(
    request: HttpRequest,
    row: Segment | None,
    version: SegmentVersion | None,
    tree: builder.Tree,
    **extra: Any,
) -> HttpResponse:
    return show(
        request,
        "hq/segment.html",
        title=row.name if row else _("New segment"),
        segment=row,
        version=version,
        name=request.POST.get("name", row.name if row else ""),
        **builder_context(tree, actor=actor_of(request)),
        **extra,
    )


class NameForm(forms.Form):
    name = forms.CharField(
        max_length=Segment._meta.get_field("name").max_length,
        error_messages={"required": gettext_lazy("Give the segment a name.")},
    )


def name_problem(name: str, row: Segment | None = None) -> str:
    """Why a segment cannot be called so; "" when it can."""
    form = NameForm({"name": name})
    if not form.is_valid():
        return str(form.errors["name"][0])
    taken = Segment.objects.filter(name=form.cleaned_data["name"])
    if (taken.exclude(pk=row.pk) if row else taken).exists():
        return _("Another segment has this name.")
    return ""


def _save(request: HttpRequest, row: Segment | None, tree: builder.Tree) -> HttpResponse:
    name = request.POST.get("name", "").strip()
    problem = name_problem(name, row)
    if not problem and not builder.is_complete(tree):
        problem = _("One line is not filled in yet.")
    if not problem:
        try:
            version = services.save_segment(
                name=name, definition=tree, actor=actor_of(request), segment=row
            )
        except SegmentError as error:
            problem = str(error)
        else:
            messages.success(
                request, _("Saved as version %(number)s.") % {"number": version.number}
            )
            return redirect("hq:segment", pk=version.segment_id)
    return _page(request, row, None, tree, problem=problem)


@hq_action(Capability.BUILD_SEGMENTS)
def segment_count(request: HttpRequest) -> HttpResponse:
    """The builder again, after a change: what the page swaps in."""
    context = builder_context(_asked(request), actor=actor_of(request))
    return render(request, "hq/_builder.html", context)


@hq_action(Capability.BUILD_SEGMENTS)
def segment_who(request: HttpRequest, reach: str) -> HttpResponse:
    """The masked people behind one number of the builder, for the rule as it stands in the form."""
    tree = builder.countable(builder.parse(request.POST))
    words = {"all": _("Everybody this rule finds"), "free": _("Can be reached")}
    code = {"all": "*", "free": "", "none": "any"}.get(reach, reach)
    if reach in policy.Refusal.values:
        words[reach] = policy.sentence(reach)
    words.setdefault("none", _("Cannot be reached"))
    try:
        ids = members_by_reach(definition=tree, refusal=code, now=clock.now(), limit=LIST_LIMIT + 1)
    except SegmentError as error:
        messages.error(request, str(error))
        return redirect("hq:segments")
    return show(
        request,
        "hq/people.html",
        title=words.get(reach, reach),
        rows=people(ids[:LIST_LIMIT], actor=actor_of(request)),
        more=len(ids) > LIST_LIMIT,
        limit=LIST_LIMIT,
        back=("hq:segments", _("Segments")),
    )
