"""不适用 of work without customers: said with a reason by who has to do it, and its undoing."""

from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.guide_tasks.errors import ItemMoved, PushNotRunning, UnknownExcuse, WhyMissing
from apps.guide_tasks.models import ItemExcuse, State, TaskItem, TaskPush
from apps.guide_tasks.services.items import acts as items
from apps.guide_tasks.wording import item_excuse_sentence, state_word

GUIDE_REASONS = (
    ItemExcuse.NO_GOODS,
    ItemExcuse.NO_PLACE,
    ItemExcuse.SHUT,
    ItemExcuse.OTHER,
)


@transaction.atomic
def excuse_item(
    *, item: TaskItem, reason: str, actor: Actor, now: datetime, words: str = ""
) -> TaskItem:
    """不适用, at once; another reason needs words. The same again changes nothing.

    A photo that waits for approval is the manager's to decide. Raises NotYourTask, UnknownExcuse,
    WhyMissing, ItemMoved.
    """
    if reason not in GUIDE_REASONS:
        raise UnknownExcuse()
    sentence = item_excuse_sentence(reason, words.strip())
    if not sentence:
        raise WhyMissing()
    item = items.lock(item.pk)
    items.demand_mine(item, actor)
    if (item.excuse_reason, item.excuse_sentence) == (reason, sentence):
        return item
    if item.state == State.TO_VERIFY:
        raise ItemMoved(state=state_word(item.state))
    items.move(
        item=item,
        to=State.NOT_APPLICABLE,
        at=now,
        actor=actor.label,
        reason=reason,
        excuse=reason,
        sentence=sentence,
    )
    item.save()
    return item


@transaction.atomic
def undo_item_excuse(*, item: TaskItem, actor: Actor, now: datetime) -> TaskItem:
    """Take back what was said: the item stands where it stood. The same again changes nothing.

    Raises NotYourTask, PushNotRunning, ItemMoved for an item that the manager or head office took
    back.
    """
    item = items.lock(item.pk)
    items.demand_mine(item, actor)
    if item.is_open:
        return item
    if item.excuse_reason not in GUIDE_REASONS:
        raise ItemMoved(state=state_word(item.state))
    if item.push.status != TaskPush.Status.HANDED_OUT:
        raise PushNotRunning()
    items.move(item=item, to=State.OPEN, at=now, actor=actor.label, reason="undo")
    if item.refusal or item.counted:
        items.move(item=item, to=State.IN_PROGRESS, at=now, actor=actor.label, reason="undo")
    item.save()
    return item
