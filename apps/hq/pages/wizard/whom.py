"""Step 1: the segment the push goes to, chosen or adjusted."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.ids import row_id
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import pushes
from apps.hq import builder
from apps.hq.access import actor_of
from apps.hq.pages.segments import builder_context, name_problem
from apps.hq.pages.wizard import frame
from apps.segments import services as segments
from apps.segments.errors import SegmentError
from apps.segments.models import Segment, SegmentVersion


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        tree, problem = _tree(request)
        if "next" in request.POST or "draft" in request.POST:
            problem = problem or _keep(request, push, tree)
            if not problem:
                return frame.go_on(request, push, frame.WHOM)
    else:
        version = push.segment_run.version if push.segment_run else None
        tree = builder.as_group(version.definition if version else None)
    return frame.page(
        request,
        push,
        frame.WHOM,
        "hq/wizard/whom.html",
        problem=problem,
        save_as=request.POST.get("save_as", ""),
        segments=Segment.objects.filter(is_active=True),
        **builder_context(tree, actor=actor_of(request)),
    )


def _tree(request: HttpRequest) -> tuple[builder.Tree, str]:
    if "load" in request.POST:
        version = _newest(request)
        if version is not None:
            return builder.as_group(version.definition), ""
    tree = builder.parse(request.POST)
    do = request.POST.get("do", "")
    if do:
        return builder.change(tree, do), ""
    return tree, "" if builder.is_complete(tree) else _("One line is not filled in yet.")


def _newest(request: HttpRequest) -> SegmentVersion | None:
    """Of the segment that stands in the form."""
    wanted = row_id(request.POST.get("use", ""))
    return SegmentVersion.objects.filter(segment_id=wanted).order_by("-number").first()


def _keep(request: HttpRequest, push: TaskPush, tree: builder.Tree) -> str:
    """Freeze who the rule finds and count where each would go; "" or what is wrong."""
    now, actor = clock.now(), actor_of(request)
    name = request.POST.get("save_as", "").strip()
    if name and (problem := _name_problem(name, tree)):
        return problem
    try:
        version = _version_of(request, push, tree, name)
        run = segments.run_segment(version=version, now=now, cause=push.source)
        if not run.member_count:
            return _("This rule finds nobody.")
        pushes.update_push(push=push, actor=actor, segment_run=run)
        pushes.forecast(push=push, now=now)
    except SegmentError as error:
        return str(error)
    return ""


def _name_problem(name: str, tree: builder.Tree) -> str:
    """A colleague's segment gets no other rule from here; the same one once more is no other."""
    same = SegmentVersion.objects.filter(segment__name=name, segment__is_active=True)
    newest = same.order_by("-number").first()
    if newest is not None and newest.definition == tree:
        return ""
    return name_problem(name)


def _version_of(
    request: HttpRequest, push: TaskPush, tree: builder.Tree, name: str
) -> SegmentVersion:
    """The stored version with exactly this tree, else a new one: named, or of this push alone."""
    actor = actor_of(request)
    if name:
        return segments.save_segment(name=name, definition=tree, actor=actor)
    current = push.segment_run.version if push.segment_run else None
    for version in filter(None, (_newest(request), current)):
        if builder.as_group(version.definition) == tree:
            return version
    version = segments.save_segment(
        name=_("People of push %(pk)s") % {"pk": push.pk}, definition=tree, actor=actor
    )
    Segment.objects.filter(pk=version.segment_id).update(is_active=False)
    return version
