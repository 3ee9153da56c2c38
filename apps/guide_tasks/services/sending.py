"""What a guide does to reach a customer: a send through WeCom, an opened chat, a word from the
sidebar.

Every tap carries a client id, so that a repeated tap is the same tap.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.accounts.actor import Actor
from apps.guide_tasks import hours, selectors
from apps.guide_tasks.errors import (
    ContactRefused,
    IllegalMove,
    NothingToSend,
    NotOpenYet,
    NotYourTask,
)
from apps.guide_tasks.models import (
    SERVICE_KINDS,
    Grade,
    GuideTask,
    State,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import evidence, push_coupons, targets
from apps.guide_tasks.wording import state_word
from apps.members import services as members
from apps.members.models import Interaction
from apps.outreach import ledger, policy, scripts
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch
from apps.outreach.selectors import attachments_of
from apps.stores.models import Guide

_SENDABLE = (State.OPEN, State.IN_PROGRESS)


def is_marketing(push: TaskPush) -> bool:
    """Whether sends of this push need the customer's marketing consent."""
    return push.kind not in SERVICE_KINDS


def marketing_kinds() -> list[str]:
    """The kinds of push whose sends are marketing."""
    return [kind for kind in TaskPush.Kind.values if kind not in SERVICE_KINDS]


def _expires(due_at: datetime, not_before: datetime) -> datetime:
    """A confirmation that comes a day after the due time still does good; later it would
    surprise.
    """
    return max(due_at, not_before) + timedelta(days=1)


def _demand_allowed(target: TaskTarget, now: datetime) -> None:
    """Ask the policy, one guide at a time for each member. Raises ContactRefused."""
    ledger.one_at_a_time(member_ids=[target.member_id])
    refusal = policy.check_one(
        member_id=target.member_id,
        guide_id=target.guide_id,
        now=now,
        marketing=is_marketing(target.push),
    )
    if refusal is not None:
        raise ContactRefused(policy.sentence(refusal), code=f"refused_{refusal}")


@transaction.atomic
def send_to_target(
    *,
    target: TaskTarget,
    text: str | None,
    actor: Actor,
    now: datetime,
    client_id: UUID | str,
) -> Dispatch:
    """One message to one customer, to be confirmed on the guide's phone; None = the push's own
    text.

    Outside the push's contact hours it is held until they begin. The same client id is the same
    send. Raises NotYourTask, NotOpenYet, IllegalMove, ContactRefused, AlreadySending,
    and what `push_coupons.give_with` raises: the coupon of the push and the message are one commit.
    """
    target = targets.lock(target.pk, "push__asset", "push__coupon", "member", "store")
    targets.demand_own(target, actor)
    key = f"{target.source}:{client_id}"
    known = Dispatch.objects.filter(idem_key=key).first()
    if known is not None:
        return known
    _demand_sendable(target, now)
    _demand_allowed(target, now)
    push = target.push
    own = text.strip() if text else ""
    words = own or selectors.words_of(push=push, store_id=target.store_id).body
    context = selectors.target_contexts([target], now=now)[target.pk]
    return _leave(
        push=push,
        guide=target.guide,
        found=[target],
        text=scripts.render(words, context),
        source=target.source,
        key=key,
        due_at=target.due_at,
        now=now,
        actor=actor,
    )


def _leave(
    *,
    push: TaskPush,
    guide: Guide,
    found: Sequence[TaskTarget],
    text: str,
    source: str,
    key: str,
    due_at: datetime,
    now: datetime,
    actor: Actor,
) -> Dispatch:
    """One send inside the push's contact hours to those of these whom its coupon reaches: the
    others stay in the list. Coupon, message and 待验证 are one commit."""
    not_before = hours.next_within(now, push.contact_from, push.contact_until)
    reached = push_coupons.give_with(
        push=push, found=found, sent_from=not_before, now=now, actor=actor
    )
    dispatch = outreach.request_mass_send(
        guide=guide,
        recipients=[(each.member_id, each.external_userid, each.source) for each in reached.chosen],
        text=push_coupons.with_words(text, push=push, last_days=reached.last_days),
        asset=push.asset,
        source=source,
        idem_key=key,
        not_before=not_before,
        expires_at=_expires(due_at, not_before),
        marketing=is_marketing(push),
        now=now,
        actor=actor,
        contact_hours=(push.contact_from, push.contact_until),
        attachments=attachments_of(script_id=push.template_id),
        page=push_coupons.page_of(push),
    )
    _sent(reached.chosen, dispatch, push, now, actor)
    return dispatch


def _demand_sendable(target: TaskTarget, now: datetime) -> None:
    if target.opens_at > now:
        raise NotOpenYet()
    if target.state == State.TO_VERIFY:
        raise outreach.AlreadySending()
    if target.state not in _SENDABLE:
        raise IllegalMove(state=state_word(target.state))


def _sent(
    found: Sequence[TaskTarget], dispatch: Dispatch, push: TaskPush, now: datetime, actor: Actor
) -> None:
    """已发起 and 待验证: WeCom's word is awaited. Where 已发起 alone would complete, a tap that
    waits for a confirmation is no proof of it yet.
    """
    source, ids = f"dispatch:{dispatch.pk}", [target.pk for target in found]
    targets.move_set(
        which=TaskTarget.objects.filter(pk__in=ids),
        sources=_SENDABLE,
        to=State.TO_VERIFY,
        at=now,
        actor=actor.label,
        reason=source,
    )
    if push.required_grade > Grade.INITIATED:
        evidence.record_contacts(
            target_ids=ids,
            grade=Grade.INITIATED,
            source=source,
            occurred_at=now,
            actor=actor.label,
        )


@transaction.atomic
def send_to_task(
    *, task: GuideTask, actor: Actor, now: datetime, client_id: UUID | str
) -> Dispatch:
    """The generic text to everybody of the task who is still to be contacted: one confirmation.

    Who may not be written to now is left out and stays in the list. Raises NotYourTask,
    NothingToSend, ContactRefused (everybody was left out), AlreadySending.
    """
    task = (  # held, so that the same tap at the same moment finds what the first one made
        GuideTask.objects.select_for_update(of=("self",), no_key=True)
        .select_related("push__asset", "push__coupon", "guide", "store")
        .get(pk=task.pk)
    )
    if actor.guide_id != task.guide_id:
        raise NotYourTask()
    key = f"{task.source}:{client_id}"
    known = Dispatch.objects.filter(idem_key=key).first()
    if known is not None:
        return known
    found = _allowed(task, _still_open(task, now), now)
    words = selectors.words_of(push=task.push, store_id=task.store_id).generic_body
    return _leave(
        push=task.push,
        guide=task.guide,
        found=found,
        text=scripts.render(words, selectors.guide_context(task)),
        source=task.source,
        key=key,
        due_at=task.due_at,
        now=now,
        actor=actor,
    )


def _still_open(task: GuideTask, now: datetime) -> list[TaskTarget]:
    """Who is still to be contacted, held until the transaction ends. Raises NothingToSend."""
    found = list(
        task.targets.select_for_update(of=("self",))
        .filter(state__in=_SENDABLE, opens_at__lte=now)
        .order_by("pk")
    )
    if not found or not task.push.generic_body.strip():
        raise NothingToSend()
    return found


def _allowed(task: GuideTask, found: Sequence[TaskTarget], now: datetime) -> list[TaskTarget]:
    ledger.one_at_a_time(member_ids=[each.member_id for each in found])
    refused = policy.check_many(
        member_ids=[each.member_id for each in found],
        guide_id=task.guide_id,
        now=now,
        marketing=is_marketing(task.push),
    )
    chosen = [each for each in found if each.member_id not in refused]
    if not chosen:
        reason = next(iter(refused.values()))
        raise ContactRefused(policy.sentence(reason), code=f"refused_{reason}")
    return chosen


# --- what the guide's phone says ------------------------------------------------------------------


def _note(
    *,
    target: TaskTarget,
    grade: Grade,
    what: str,
    actor: Actor,
    now: datetime,
    client_id: UUID | str,
) -> TaskTarget:
    """A proof on the guide's word alone; one that reaches the customer asks the policy first and
    stays with the member.
    """
    held = targets.lock(target.pk)
    if grade >= Grade.INITIATED:
        _demand_allowed(held, now)
    targets.demand_own(held, actor)
    if held.opens_at > now:
        raise NotOpenYet()
    noted = evidence.record_contact(
        target_id=held.pk,
        grade=grade,
        source=f"{what}:{client_id}",
        occurred_at=now,
        actor=actor.label,
    )
    if grade >= Grade.INITIATED:
        members.record_interaction(
            member_id=noted.member_id,
            guide_id=noted.guide_id,
            kind=Interaction.Kind.CHAT_OPENED,
            occurred_at=now,
            source=f"{noted.source}:{what}:{client_id}",
        )
    return noted


@transaction.atomic
def note_chat_opened(
    *, target: TaskTarget, actor: Actor, now: datetime, client_id: UUID | str
) -> TaskTarget:
    """The guide opened the chat with the script on the clipboard: 已发起, never more.

    Raises NotYourTask, ContactRefused.
    """
    return _note(
        target=target,
        grade=Grade.INITIATED,
        what="chat",
        actor=actor,
        now=now,
        client_id=client_id,
    )


@transaction.atomic
def note_sidebar_sent(
    *, target: TaskTarget, actor: Actor, now: datetime, client_id: UUID | str
) -> TaskTarget:
    """The sidebar says it put the text into the chat: 已发起; the call can be forged, so
    never more.
    """
    return _note(
        target=target,
        grade=Grade.INITIATED,
        what="sidebar",
        actor=actor,
        now=now,
        client_id=client_id,
    )


@transaction.atomic
def self_report(
    *, target: TaskTarget, actor: Actor, now: datetime, client_id: UUID | str
) -> TaskTarget:
    """The guide says so: 自报."""
    return _note(
        target=target,
        grade=Grade.SELF_REPORTED,
        what="self_report",
        actor=actor,
        now=now,
        client_id=client_id,
    )
