"""The rows behind a push's result."""

from collections.abc import Iterable
from typing import Any

from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce, Concat, Lower
from pyroaring import BitMap

from apps.accounts.actor import Actor
from apps.guide_tasks.models import (
    GuideTask,
    HandOutPart,
    NotIssued,
    PushForecast,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.shapes import (
    OnItsWay,
    PushPlaces,
    PushResults,
)
from apps.outreach import policy
from apps.outreach.models import DispatchRecipient
from apps.stores.models import Guide


def control_members(push: TaskPush) -> BitMap:
    """Whom this push's hand-out drew into the control group."""
    stored = (
        PushForecast.objects.filter(push=push).values_list("control_members", flat=True).first()
    )
    return BitMap.deserialize(bytes(stored)) if stored else BitMap()


def control_counts(push_ids: Iterable[int]) -> dict[int, int]:
    """How many each of these pushes drew into its control group; one query, no row for none."""
    stored = PushForecast.objects.filter(push_id__in=list(push_ids), control_members__isnull=False)
    return {
        push_id: len(BitMap.deserialize(bytes(drawn)))
        for push_id, drawn in stored.values_list("push_id", "control_members")
        if drawn is not None
    }


def earlier_in_campaign() -> QuerySet[TaskPush]:
    """Inside a query of pushes: those of the same campaign that were handed out before."""
    return TaskPush.objects.filter(
        campaign_id=OuterRef("campaign_id"), handed_out_at__lt=OuterRef("handed_out_at")
    )


def went_out_before(push: TaskPush) -> bool:
    """An earlier push of its campaign was handed out: its arms are no longer drawn alike."""
    return TaskPush.objects.filter(Exists(earlier_in_campaign()), pk=push.pk).exists()


def _in_policy_order(counted: dict[str, int]) -> dict[str, int]:
    order = [refusal.value for refusal in policy.Refusal]
    known = {reason: counted[reason] for reason in order if reason in counted}
    return known | counted


def push_results(push: TaskPush) -> PushResults:
    """The counted rows of a push, each member in exactly one place."""
    refused = (
        NotIssued.objects.filter(push=push).order_by().values_list("reason").annotate(n=Count("pk"))
    )
    targets = TaskTarget.objects.filter(push=push).order_by()
    states = dict(targets.values_list("state").annotate(n=Count("pk")))
    excused = dict(
        targets.filter(state=State.NOT_APPLICABLE)
        .values_list("excuse_reason")
        .annotate(n=Count("pk"))
    )
    grades = dict(targets.values_list("contact_grade").annotate(n=Count("pk")))
    outcomes = targets.aggregate(
        engaged=Count("pk", filter=Q(engaged_at__isnull=False)),
        visited=Count("pk", filter=Q(visited_at__isnull=False)),
        purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
    )
    tasks = GuideTask.objects.filter(push=push)
    open_work = TaskTarget.objects.filter(push=push).open().values("task_id")
    guides = tasks.aggregate(
        guides=Count("pk"),
        guides_seen=Count("pk", filter=Q(seen_at__isnull=False)),
        guides_done=Count("pk", filter=~Q(pk__in=open_work)),
    )
    return PushResults(
        not_issued=_in_policy_order(dict(refused)),
        control=len(control_members(push)),
        states=states,
        excused=excused,
        grades=grades,
        outcomes=outcomes,
        **guides,
    )


def sent_by_others(*, push: TaskPush, actor: Actor) -> QuerySet[Any]:
    """Targets whose message WeCom delivered through somebody else than the guide we named, each
    with `sender_corp` and `sender_userid`; `senders_of` has their names."""
    own = Concat(Value("task_target:"), Cast(OuterRef("pk"), CharField()))
    named = DispatchRecipient.objects.filter(
        by_another=True, state=DispatchRecipient.State.DELIVERED, source=own
    )
    who = named.order_by("-pk")
    found = TaskTarget.objects.visible_to(actor).filter(Exists(named), push=push)
    return found.annotate(
        sender_corp=Subquery(who.values("dispatch__corp_id")[:1]),
        sender_userid=Subquery(who.values("sender_userid")[:1]),
    )


def senders_of(rows: Iterable[Any]) -> dict[int, str]:
    """Who sent each of these rows of `sent_by_others`: a name, or the userid of who is no guide
    here. One query for all of them: WeCom's letters may be of either case, and no index knows."""
    wanted = {row.pk: (row.sender_corp, row.sender_userid) for row in rows}
    guides = Guide.objects.annotate(lowered=Lower("wecom_userid")).filter(
        corp_id__in={corp for corp, _userid in wanted.values()},
        lowered__in={userid.lower() for _corp, userid in wanted.values()},
    )
    found = guides.values_list("corp_id", "lowered", "name")
    names = {(corp, lowered): name for corp, lowered, name in found}
    return {pk: names.get((corp, userid.lower()), userid) for pk, (corp, userid) in wanted.items()}


def push_places(push: TaskPush) -> PushPlaces:
    """The places of a handed-out push, read back from its rows."""
    found = push_results(push)
    per_guide = list(
        TaskTarget.objects.filter(push=push)
        .order_by()
        .values_list("task_id", "store_id")
        .annotate(n=Count("pk"))
    )
    stored = PushForecast.objects.filter(push=push).values_list("changes", flat=True).first()
    return PushPlaces(
        planned=found.planned,
        refused=found.not_issued,
        control=found.control,
        issued=found.issued,
        guides=len(per_guide),
        stores=len({store_id for _task, store_id, _n in per_guide}),
        per_guide_max=max((n for _task, _store, n in per_guide), default=0),
        changes=stored or [],
    )


def on_its_way(push: TaskPush) -> OnItsWay:
    """How much of a push that is being handed out has come to its guides; one query."""
    is_in = Q(done_at__isnull=False)
    counted = HandOutPart.objects.filter(push=push).aggregate(
        parts=Count("pk"),
        parts_in=Count("pk", filter=is_in),
        issued_in=Coalesce(Sum("issued", filter=is_in), 0),
        planned=Coalesce(Sum("planned"), 0),
        issued=Coalesce(Sum("issued"), 0),
    )
    return OnItsWay(**counted)
