"""The words a guide sends: the push's script filled in for one customer."""

from datetime import datetime

from django.utils.translation import gettext as _

from apps.guide_tasks import selectors
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services.sending import is_marketing
from apps.outreach import policy, scripts


def personal_text(target: TaskTarget, *, now: datetime) -> str:
    """The script for this very customer."""
    context = selectors.target_contexts([target], now=now)[target.pk]
    return scripts.render(target.push.body, context)


def refusal_words(target: TaskTarget, *, now: datetime) -> str:
    """Why sending would be refused right now, said before the guide types; "" when it is fine."""
    refusal = policy.check_one(
        member_id=target.member_id,
        guide_id=target.guide_id,
        now=now,
        marketing=is_marketing(target.push),
    )
    return _("Not now: %(why)s") % {"why": policy.sentence(refusal)} if refusal else ""
