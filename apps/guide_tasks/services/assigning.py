"""Who does the work: one customer's task goes to a colleague, or many are shared out by load.

The receiver must be the customer's WeCom friend and at work; a task with a message on its way
stays where it is. The customer's own guide does not change by it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Count, TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.errors import NotAColleague, NotMoved, NotYourTask
from apps.guide_tasks.models import GuideTask, State, TargetMove, TaskTarget
from apps.guide_tasks.services.issuing import TODAY_PATH
from apps.guide_tasks.wording import notice_body
from apps.members.models import FollowRelation, Member
from apps.outreach import services as outreach
from apps.outreach.models import DispatchRecipient
from apps.stores import selectors as stores
from apps.stores.models import Guide, Posting
from apps.timeline import services as timeline
from apps.timeline.models import Kind

# ids in an audit row; the moves themselves are all kept as history
_AUDITED = 50


class Kept(TextChoices):
    """Why a target stays with whom it is."""

    FINISHED = "finished", _("finished already")
    SENDING = "sending", _("a message is on its way")
    NOT_AT_WORK = "not_at_work", _("the colleague is not at work today")
    NOT_FRIEND = "not_friend", _("the colleague is not TA's WeCom friend")
    NOBODY = "nobody", _("no other colleague at work is TA's WeCom friend")
    LEAST_BUSY = "least_busy", _("nobody who may take them has less to do")


@dataclass(frozen=True)
class Moves:
    """How many targets went to a colleague, and why the others stayed."""

    moved: int = 0
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Why some stayed, in words; empty when all went."""
        return "；".join(
            gettext("%(n)s stay: %(why)s") % {"n": count, "why": Kept(reason).label}
            for reason, count in self.kept.items()
        )


@dataclass(frozen=True, slots=True)
class _Move:
    target: TaskTarget
    guide_id: int
    store_id: int
    external_userid: str


# --- what has to be known -------------------------------------------------------------------------


def friends(
    *, member_ids: Collection[int], guide_ids: Collection[int]
) -> dict[int, dict[int, str]]:
    """Member → guide → external id, of standing WeCom friendships; merged persons count as one."""
    survivors = dict(Member.objects.filter(pk__in=member_ids).values_list("pk", "survivor_id"))
    found = (
        FollowRelation.objects.current()
        .filter(guide_id__in=guide_ids, member__survivor_id__in=set(survivors.values()))
        .order_by("since")
        .values_list("member__survivor_id", "guide_id", "external_userid")
    )
    by_survivor: dict[int, dict[int, str]] = defaultdict(dict)
    for survivor, guide_id, external in found:
        by_survivor[survivor].setdefault(guide_id, external)
    return {pk: by_survivor.get(survivor, {}) for pk, survivor in survivors.items()}


def loads(guide_ids: Collection[int]) -> Counter[int]:
    """Open targets of each guide, now and planned."""
    rows = TaskTarget.objects.open().filter(guide_id__in=guide_ids).order_by()
    return Counter(dict(rows.values_list("guide_id").annotate(n=Count("pk"))))


def least_busy(
    choices: Mapping[int, Sequence[int]], busy: Counter[int], present: Mapping[int, int]
) -> dict[int, int]:
    """Key → the least busy of its choices, the present one when equally busy; who has fewest
    choices chooses first."""
    load, chosen = Counter(busy), {}
    for key in sorted(choices, key=lambda one: (len(choices[one]), one)):
        if choices[key]:
            mine = present.get(key)
            guide_id = min(choices[key], key=lambda one: (load[one], one != mine, one))
            load[guide_id] += 1
            chosen[key] = guide_id
    return chosen


def _sending(found: Iterable[TaskTarget]) -> set[int]:
    """Targets with a message that is not decided yet."""
    by_source = {target.source: target.pk for target in found}
    waiting = DispatchRecipient.objects.filter(
        source__in=list(by_source), state=DispatchRecipient.State.WAITING
    )
    return {by_source[source] for source in waiting.values_list("source", flat=True)}


def _work_at(guide_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Guide → the store they are posted in today, of active ones in stores that are live."""
    posted = (
        Posting.objects.on(clock.business_day(now))
        .live()
        .filter(guide_id__in=guide_ids, guide__status=Guide.Status.ACTIVE)
    )
    return dict(posted.values_list("guide_id", "store_id"))


# --- moving ---------------------------------------------------------------------------------------

# the receiver's share of the same push; one made before only waits as long as what comes to it
_SHARES = """
INSERT INTO guide_tasks_guidetask (push_id, guide_id, store_id, due_at, chases, created_at)
SELECT push_id, guide_id, min(store_id), max(due_at), 0, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
    AS given (push_id, guide_id, store_id, due_at)
GROUP BY push_id, guide_id ORDER BY push_id, guide_id
ON CONFLICT (push_id, guide_id) DO UPDATE
    SET due_at = greatest(guide_tasks_guidetask.due_at, EXCLUDED.due_at)
"""
_GIVE = """
UPDATE guide_tasks_tasktarget AS target
SET task_id = share.id, guide_id = given.guide_id, store_id = given.store_id,
    external_userid = given.external_userid
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
    AS given (id, guide_id, store_id, external_userid), guide_tasks_guidetask AS share
WHERE target.id = given.id AND share.push_id = target.push_id AND share.guide_id = given.guide_id
"""
# a share that nobody has looked at and that holds nothing any more was never anybody's work; one
# that is being sent from at this moment is let be
_EMPTY = """
DELETE FROM guide_tasks_guidetask WHERE id IN (
    SELECT share.id FROM guide_tasks_guidetask AS share
    WHERE share.id = ANY(%s) AND share.seen_at IS NULL AND share.chases = 0
      AND NOT EXISTS (SELECT FROM guide_tasks_tasktarget AS target WHERE target.task_id = share.id)
    FOR UPDATE OF share SKIP LOCKED
)
"""


def move_to(*, pairs: Mapping[int, int], cause: str, actor: Actor, now: datetime) -> Moves:
    """Move targets to guides, {target: guide}, set-wise, with history, story and a card each.

    Runs in the caller's transaction; the same again moves nothing.
    """
    kept: Counter[str] = Counter()
    moves = _possible(pairs, kept, now)
    if moves:
        last = _write(moves, cause, actor, now)
        _tell(moves, last, actor, now)
        _notify(moves, last, cause, now)
        accounts.audit(
            actor=actor,
            action="task.moved",
            detail={
                "cause": cause,
                "count": len(moves),
                "targets": [one.target.pk for one in moves[:_AUDITED]],
                "to": sorted({one.guide_id for one in moves}),
            },
        )
    return Moves(moved=len(moves), kept=dict(kept))


def _possible(pairs: Mapping[int, int], kept: Counter[str], now: datetime) -> list[_Move]:
    """The moves nothing speaks against, their targets held until the transaction ends."""
    found = list(
        TaskTarget.objects.select_for_update(of=("self",)).filter(pk__in=pairs).order_by("pk")
    )
    found = [target for target in found if target.guide_id != pairs[target.pk]]
    guide_ids = {pairs[target.pk] for target in found}
    sending, work_at = _sending(found), _work_at(guide_ids, now)
    known = friends(member_ids={one.member_id for one in found}, guide_ids=guide_ids)
    moves = []
    for target in found:
        guide_id = pairs[target.pk]
        external = known[target.member_id].get(guide_id)
        if not target.is_open:
            kept[Kept.FINISHED] += 1
        elif target.state == State.TO_VERIFY or target.pk in sending:
            kept[Kept.SENDING] += 1
        elif guide_id not in work_at:
            kept[Kept.NOT_AT_WORK] += 1
        elif external is None:
            kept[Kept.NOT_FRIEND] += 1
        else:
            moves.append(_Move(target, guide_id, work_at[guide_id], external))
    return moves


def _write(moves: Sequence[_Move], cause: str, actor: Actor, now: datetime) -> int:
    """Shares, targets and history; returns the id of the last row of history."""
    rows = [(one.target, one.guide_id, one.store_id, one.external_userid) for one in moves]
    pushes = [target.push_id for target, *_rest in rows]
    guides, places = [row[1] for row in rows], [row[2] for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            _SHARES, [now, pushes, guides, places, [target.due_at for target, *_rest in rows]]
        )
        cursor.execute(
            _GIVE, [[target.pk for target, *_rest in rows], guides, places, [r[3] for r in rows]]
        )
        cursor.execute(_EMPTY, [sorted({target.task_id for target, *_rest in rows})])
    history = TargetMove.objects.bulk_create(
        TargetMove(
            target_id=one.target.pk,
            from_state=one.target.state,
            to_state=one.target.state,
            at=now,
            actor=actor.label,
            reason=f"{cause}:guide:{one.target.guide_id}>guide:{one.guide_id}",
        )
        for one in moves
    )
    return history[-1].pk


def _tell(moves: Sequence[_Move], last: int, actor: Actor, now: datetime) -> None:
    timeline.record_events(
        timeline.NewEvent(
            member_id=one.target.member_id,
            kind=Kind.TASK_MOVED,
            source=one.target.source,
            key=f"{one.target.source}:moved:{last}",
            occurred_at=now,
            actor=actor.label,
            payload={
                "push_id": one.target.push_id,
                "guide_id": one.guide_id,
                "from_guide_id": one.target.guide_id,
            },
        )
        for one in moves
    )


# why work came over, by the cause of the move; a manager's own word is the rest
_WHY = {
    "covered": _("You work for %(name)s, who is away."),
    "left": _("%(name)s does not work there any more."),
    "handed_over": _("%(name)s does not work there any more."),
    "claimed": _("TA is your customer now; %(name)s had this."),
}
_BY_THE_MANAGER = _("Your manager gave them to you; they were with %(name)s.")


def _named(names: Sequence[str]) -> str:
    """Colleagues by name; from the third on only how many more."""
    words, more = "、".join(names[:2]), len(names) - 2
    return gettext("%(names)s and %(n)s more") % {"names": words, "n": more} if more > 0 else words


def _notify(moves: Sequence[_Move], last: int, cause: str, now: datetime) -> None:
    """A card per receiver: how many came, from whom and why, until when; what opens later waits
    unsaid."""
    why = str(_WHY.get(cause, _BY_THE_MANAGER))
    by_guide: dict[int, list[TaskTarget]] = defaultdict(list)
    for one in moves:
        if one.target.opens_at <= now:
            by_guide[one.guide_id].append(one.target)
    given_by = {target.guide_id for came in by_guide.values() for target in came}
    names = dict(Guide.objects.filter(pk__in=given_by).values_list("pk", "name"))
    outreach.queue_guide_notices(
        source=f"targets_moved:{last}",
        rows=[
            (
                guide_id,
                gettext("From a colleague: %(n)s customers") % {"n": len(came)},
                why % {"name": _named([names[pk] for pk in sorted({one.guide_id for one in came})])}
                + notice_body(len(came), min(target.due_at for target in came)),
                TODAY_PATH,
            )
            for guide_id, came in sorted(by_guide.items())
        ],
        not_before=hours.for_cards(now),
        now=now,
    )


# --- what a manager asks for ----------------------------------------------------------------------


def demand_manager(actor: Actor) -> None:
    """Only who leads people gives their work to others. Raises NotYourTask."""
    if not actor.can(Capability.MANAGE_TEAM):
        raise NotYourTask()


class Work(NamedTuple):
    """A customer somebody of the store is to be found for; `guide_id` has the task now."""

    store_id: int
    member_id: int
    guide_id: int | None = None


def _seen(actor: Actor, target_ids: Collection[int]) -> dict[int, Work]:
    """The targets among these that the actor may see."""
    seen = TaskTarget.objects.visible_to(actor).filter(pk__in=target_ids)
    rows = seen.values_list("pk", "store_id", "member_id", "guide_id")
    return {pk: Work(*row) for pk, *row in rows}


@transaction.atomic
def reassign(*, target_ids: Collection[int], guide: Guide, actor: Actor, now: datetime) -> Moves:
    """Give customers of a task to a colleague who works in their store today.

    Raises NotYourTask, NotAColleague, NotMoved when nobody could be moved, with the reason.
    """
    demand_manager(actor)
    seen = _seen(actor, target_ids)
    in_stores = {one.store_id for one in seen.values()}
    colleagues = Guide.objects.posted_in(day=clock.business_day(now), store_id__in=in_stores)
    if seen and not colleagues.filter(pk=guide.pk).exists():
        raise NotAColleague(name=guide.name)
    moves = move_to(pairs=dict.fromkeys(seen, guide.pk), cause="reassigned", actor=actor, now=now)
    return _demand_some(moves)


def _demand_some(moves: Moves) -> Moves:
    if moves.kept and not moves.moved:
        raise NotMoved(moves.sentence)
    return moves


@transaction.atomic
def share_out(
    *,
    target_ids: Collection[int],
    actor: Actor,
    now: datetime,
    among: Collection[int] | None = None,
) -> Moves:
    """Share customers out among the colleagues at work in their store, the least busy first.

    Who has them now counts as one of them, if at work. `among` narrows it to these guides. Raises
    NotYourTask, NotMoved.
    """
    demand_manager(actor)
    seen = _seen(actor, target_ids)
    choices = _choices(seen, now=now, among=among)
    pairs = _least_busy_of(seen, choices)
    moves = move_to(pairs=pairs, cause="shared_out", actor=actor, now=now)
    stay = [key for key, one in seen.items() if pairs.get(key, one.guide_id) == one.guide_id]
    alone = sum(1 for key in stay if not set(choices[key]) - {seen[key].guide_id})
    why = Counter({Kept.NOBODY.value: alone, Kept.LEAST_BUSY.value: len(stay) - alone})
    return _demand_some(Moves(moves.moved, dict(Counter(moves.kept) + why)))


def share(
    wanted: Mapping[int, Work], *, now: datetime, among: Collection[int] | None = None
) -> dict[int, int]:
    """{key: work} → {key: guide}: the least busy friend at work in the store."""
    return _least_busy_of(wanted, _choices(wanted, now=now, among=among))


def _choices(
    wanted: Mapping[int, Work], *, now: datetime, among: Collection[int] | None = None
) -> dict[int, list[int]]:
    """Who at work in the store is TA's WeCom friend, for each piece of work."""
    at_work: dict[int, set[int]] = defaultdict(set)
    day = clock.business_day(now)
    for posting in stores.at_work(store_ids={one.store_id for one in wanted.values()}, day=day):
        if among is None or posting.guide_id in among:
            at_work[posting.store_id].add(posting.guide_id)
    everybody = set().union(*at_work.values()) if at_work else set()
    known = friends(member_ids={one.member_id for one in wanted.values()}, guide_ids=everybody)
    return {
        key: sorted(at_work[one.store_id] & set(known[one.member_id]))
        for key, one in wanted.items()
    }


def _least_busy_of(
    wanted: Mapping[int, Work], choices: Mapping[int, Sequence[int]]
) -> dict[int, int]:
    present = {key: one.guide_id for key, one in wanted.items() if one.guide_id is not None}
    busy = loads({guide_id for some in choices.values() for guide_id in some})
    busy.subtract(present.values())  # what is shared out anew is nobody's yet
    return least_busy(choices, busy, present)


def split_task(
    *, task: GuideTask, actor: Actor, now: datetime, among: Collection[int] | None = None
) -> Moves:
    """Share one guide's open share of a push out among the store. Raises NotYourTask, NotMoved."""
    open_ids = TaskTarget.objects.open().filter(task=task).values_list("pk", flat=True)
    return share_out(target_ids=list(open_ids), actor=actor, now=now, among=among)
