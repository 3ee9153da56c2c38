"""What a phone may have kept while there was no network, and how each kind is done.

The same services as the forms of the pages; the forms' own checks; the actor's own rows alone.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import row_id
from apps.guide_portal import arrivals, receipts
from apps.guide_portal.customers import get_customer, offered_tags
from apps.guide_portal.enrol import store_today
from apps.guide_portal.forms import (
    ActForm,
    DraftForm,
    FollowUpForm,
    NoteForm,
    NotSuitableForm,
    TagForm,
)
from apps.guide_portal.item_forms import ExcuseItemForm
from apps.guide_portal.models import ActionReceipt
from apps.guide_portal.reasons import STOP
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskItem, TaskTarget
from apps.members import services as members
from apps.members.models import Member
from apps.tagging import services as tagging
from apps.tagging.models import TagChange

log = structlog.get_logger(__name__)

MOST = 50
# a phone may have been without network this long; what it says is older counts as now
BELIEVED = timedelta(days=3)


class NotYourCustomer(DomainError):
    code = "not_your_customer"
    message = gettext_lazy("TA is not among your customers any more. Nothing was kept.")


class TaskGone(DomainError):
    code = "task_gone"
    message = gettext_lazy("This task was taken back or went to a colleague. Nothing was changed.")


class UnclearAct(DomainError):
    code = "unclear_act"
    message = gettext_lazy("This record is not complete. Write it down again.")


class TagNotOffered(DomainError):
    code = "tag_not_offered"
    message = gettext_lazy("This tag is not in use any more. Choose another one.")


class NotAllowed(DomainError):
    code = "not_allowed"
    message = gettext_lazy("You may not write about customers. Ask your store manager.")


class ConfirmFirst(DomainError):
    code = "confirm_first"
    message = gettext_lazy("A stop for everybody has to be confirmed. Open the customer once more.")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a guide did: `fields` as the page's form would have sent them."""

    client_id: uuid.UUID
    kind: str
    fields: dict[str, str]
    made_at: datetime
    now: datetime
    actor: Actor
    guide_id: int


@dataclass(frozen=True, slots=True)
class Done:
    """What the page says when it went well: words, where to go on, and how to take it back."""

    words: str
    to: str
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`state`: done, refused (`reason` says why), or again: nothing happened, send it later."""

    client_id: str
    state: str
    reason: str = ""
    code: str = ""
    done: Done | None = None


# --- how each kind is done ------------------------------------------------------------------------


def _note(act: Act) -> Done:
    member = _customer(act)
    form = _clean(NoteForm(_data(act)))
    members.add_note(
        member_id=member.pk,
        guide_id=act.guide_id,
        body=form["words"],
        client_id=act.client_id,
        now=act.made_at,
        actor=act.actor,
    )
    to = reverse("guide_portal:customer", args=[member.public_id]) + "#notes"
    onward = reverse("guide_portal:today") if form["target"] else to
    return Done(_("Noted"), onward, _undo(act))


def _tag(act: Act) -> Done:
    member = _customer(act)
    form = _clean(TagForm(_data(act)))
    tag = offered_tags().filter(pk=form["tag"]).first()
    if tag is None:
        raise TagNotOffered
    tagging.apply_tags(
        member_ids=[member.pk],
        tag_ids=[tag.pk],
        claim=TagChange.Claim.PERSON,
        source=act.actor.label,
        actor=act.actor,
        at=act.now,
    )
    to = reverse("guide_portal:customer", args=[member.public_id])
    undo = reverse("guide_portal:untag", args=[member.public_id, tag.pk])
    return Done(_("Tagged: %(tag)s") % {"tag": tag.name}, to, undo)


def _visit(act: Act) -> Done:
    member = _customer(act)
    _clean(ActForm(_data(act)))
    arrivals.note_visit(
        member_id=member.pk,
        guide_id=act.guide_id,
        client_id=act.client_id,
        now=act.made_at,
        actor=act.actor,
    )
    to = reverse("guide_portal:customer", args=[member.public_id]) + "#visit"
    return Done(_("Visit noted"), to, _undo(act))


def _follow_up(act: Act) -> Done:
    member = _customer(act)
    form = _clean(FollowUpForm(_data(act)))
    kept = members.set_follow_up(
        member_id=member.pk,
        guide_id=act.guide_id,
        due_on=form["due_on"],
        client_id=act.client_id,
        now=act.now,
    )
    to = reverse("guide_portal:customer", args=[member.public_id]) + "#next"
    words = _("You turn to TA again on %(day)s") % {"day": month_day(kept.due_on)}
    return Done(words, to)


def _draft(act: Act) -> Done:
    form = _clean(DraftForm(_data(act)))
    members.write_draft(
        guide_id=act.guide_id,
        store_id=store_today(guide_id=act.guide_id, now=act.now).pk,
        called=form["called"],
        words=form["body"],
        client_id=act.client_id,
        now=act.made_at,
    )
    return Done(_("Noted, to be invited"), reverse("guide_portal:enrol") + "#drafts")


def _not_suitable(act: Act) -> Done:
    target = _target(act)
    form = _clean(NotSuitableForm(_data(act)))
    if form["reason"] == STOP and not form["confirmed"]:
        raise ConfirmFirst
    guide_tasks.excuse_target(target=target, reason=form["reason"], actor=act.actor, now=act.now)
    undo = reverse("guide_portal:undo_excuse", args=[target.pk])
    return Done(_("Marked as not applicable"), reverse("guide_portal:today"), undo)


def _item_not_suitable(act: Act) -> Done:
    item = _item(act)
    form = _clean(ExcuseItemForm(_data(act)))
    guide_tasks.excuse_item(
        item=item, reason=form["reason"], words=form["words"], actor=act.actor, now=act.now
    )
    undo = reverse("guide_portal:undo_item", args=[item.pk])
    return Done(_("Marked as not applicable"), reverse("guide_portal:today"), undo)


KINDS: dict[str, tuple[Capability, Callable[[Act], Done]]] = {
    "note": (Capability.EDIT_MEMBERS, _note),
    "tag": (Capability.EDIT_MEMBERS, _tag),
    "follow_up": (Capability.EDIT_MEMBERS, _follow_up),
    "visit": (Capability.EDIT_MEMBERS, _visit),
    "draft": (Capability.EDIT_MEMBERS, _draft),
    "not_suitable": (Capability.WORK_TASKS, _not_suitable),
    "item_not_suitable": (Capability.WORK_TASKS, _item_not_suitable),
}


def _undo(act: Act) -> str:
    return reverse("guide_portal:undo_act", args=[act.client_id])


def _data(act: Act) -> dict[str, str]:
    return {**act.fields, "client_id": str(act.client_id)}


def _clean(form: forms.Form) -> dict[str, Any]:
    if not form.is_valid():
        raise UnclearAct
    return form.cleaned_data


def _customer(act: Act) -> Member:
    try:
        public_id = uuid.UUID(act.fields.get("customer", ""))
        return get_customer(actor=act.actor, public_id=public_id)
    except (ValueError, Http404):
        raise NotYourCustomer from None


def _target(act: Act) -> TaskTarget:
    raw = act.fields.get("target", "")
    own = TaskTarget.objects.visible_to(act.actor).of_guide(act.guide_id).opened_by(act.now)
    found = own.filter(pk=row_id(raw)).first()
    if found is None:
        raise TaskGone
    return found


def _item(act: Act) -> TaskItem:
    raw = act.fields.get("item", "")
    day = clock.business_day(act.now)
    own = TaskItem.objects.for_guide(act.guide_id, day).opened_by(act.now)
    found = own.filter(pk=row_id(raw)).first()
    if found is None:
        raise TaskGone
    return found


# --- a phone's batch ------------------------------------------------------------------------------


def read_batch(
    *, items: Sequence[Any], sent_at: str, actor: Actor, guide_id: int, now: datetime
) -> list[Act | str]:
    """The acts of a batch; in place of one that says nothing we understand, its id as it came."""
    phone_now = _moment(sent_at)
    acts: list[Act | str] = []
    for item in items:
        raw = item if isinstance(item, dict) else {}
        fields = raw.get("fields")
        try:
            client_id = uuid.UUID(str(raw.get("client_id")))
        except ValueError:
            acts.append(str(raw.get("client_id"))[:40])
            continue
        words = fields.items() if isinstance(fields, dict) else ()
        acts.append(
            Act(
                client_id=client_id,
                kind=kind if (kind := str(raw.get("kind"))) in KINDS else "unknown",
                fields={str(name): value for name, value in words if isinstance(value, str)},
                made_at=_happened_at(raw.get("made_at"), phone_now=phone_now, now=now),
                now=now,
                actor=actor,
                guide_id=guide_id,
            )
        )
    return acts


def _moment(raw: Any) -> datetime | None:
    try:
        moment = parse_datetime(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
    return moment if moment and is_aware(moment) else None


def _happened_at(raw: Any, *, phone_now: datetime | None, now: datetime) -> datetime:
    """When it was, by how long ago the phone says: a wrong clock still knows that."""
    made_at = _moment(raw)
    if made_at is None or phone_now is None:
        return now
    ago = phone_now - made_at
    return now - ago if timedelta(0) <= ago <= BELIEVED else now


def perform(*, acts: Iterable[Act | str]) -> list[Answer]:
    """Do each act once, each in its own transaction; one that breaks keeps nothing and no other."""
    batch = list(acts)
    real = [act for act in batch if isinstance(act, Act)]
    found: dict[uuid.UUID, ActionReceipt] = {}
    if real:
        ids = [act.client_id for act in real]
        found = receipts.known(guide_id=real[0].guide_id, client_ids=ids)
    answers = []
    for act in batch:
        if isinstance(act, str):
            answers.append(Answer(act, "refused", str(UnclearAct()), UnclearAct.code))
        elif act.client_id in found:
            answers.append(_answer(found[act.client_id]))
        else:
            answers.append(_perform_one(act))
    return answers


def _perform_one(act: Act) -> Answer:
    done: list[Done] = []

    def run() -> None:
        capability, how = KINDS.get(act.kind, (Capability.WORK_TASKS, _unknown))
        if not act.actor.can(capability):
            raise NotAllowed
        done.append(how(act))

    try:
        receipt = receipts.answered(
            guide_id=act.guide_id, client_id=act.client_id, kind=act.kind, act=run
        )
    except Exception as error:
        # its text may quote a row
        log.error("phone_act_broke", kind=act.kind, error=type(error).__name__)
        return Answer(str(act.client_id), "again")
    return _answer(receipt, done[0] if done else None)


def _unknown(act: Act) -> Done:
    raise UnclearAct


def _answer(receipt: ActionReceipt, done: Done | None = None) -> Answer:
    return Answer(str(receipt.client_id), receipt.outcome, receipt.reason, receipt.code, done)
