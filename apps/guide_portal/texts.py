"""The words a guide sends: the push's script filled in for one customer."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from apps.guide_portal.cards import colleague_words
from apps.guide_portal.templatetags.portal import when
from apps.guide_tasks import selectors
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services.sending import is_marketing
from apps.orders.selectors import LastPurchase
from apps.outreach import ledger, policy, scripts


def personal_text(
    target: TaskTarget, *, now: datetime, bought: Mapping[int, LastPurchase] | None = None
) -> str:
    """The script for this very customer; `bought` is the last purchase, if it is known already."""
    context = selectors.target_contexts([target], now=now, bought=bought)[target.pk]
    words = selectors.words_of(push=target.push, store_id=target.store_id)
    return scripts.render(words.body, context)


def refusal_words(target: TaskTarget, *, now: datetime) -> str:
    """Why sending would be refused right now, said before the guide types; "" when it is fine."""
    look = policy.look_at_one(
        member_id=target.member_id,
        guide_id=target.guide_id,
        now=now,
        marketing=is_marketing(target.push),
    )
    return look_words(look, now=now)


def look_words(look: policy.Look, *, now: datetime) -> str:
    """What the policy said, in words; "" when it is fine."""
    refusal, contact = look
    if refusal is None:
        return ""
    if contact is not None:
        return _free_again(contact.at, now=now)
    return _("Not now: %(why)s") % {"why": policy.sentence(refusal)}


def contact_words(target: TaskTarget, *, now: datetime) -> str:
    """That a colleague was in touch a short while ago; "" when nobody was.

    Of marketing the refusal says so already: where there is none, nobody was.
    """
    if is_marketing(target.push):
        return ""
    found = ledger.by_colleagues(
        member_ids=[target.member_id], guide_id=target.guide_id, now=now
    ).get(target.member_id)
    return colleague_words(found.at, now=now) if found else ""


def _free_again(at: datetime, *, now: datetime) -> str:
    """The same, and from when on marketing is fine again."""
    free = at + timedelta(hours=ledger.block_hours())
    return _("%(contact)s. Your turn from %(time)s on") % {
        "contact": colleague_words(at, now=now),
        "time": when(free),
    }
