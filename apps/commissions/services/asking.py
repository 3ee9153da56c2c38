"""Questions about a line, and head office's answers."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.commissions.errors import AnsweredAlready, AskedAlready, WordsMissing
from apps.commissions.models import CommissionLine, CommissionQuestion
from apps.core.logs import scrub_text
from apps.outreach.services.notices import queue_guide_notices

LEAST_WORDS = 2


def _words(given: str, most: int) -> str:
    """As they are kept: a sentence may quote a number, which is nobody's business here."""
    words = scrub_text(" ".join(given.split()))[:most]
    if len(words) < LEAST_WORDS:
        raise WordsMissing
    return words


@transaction.atomic
def ask(*, line: CommissionLine, words: str, now: datetime) -> CommissionQuestion:
    """Ask head office about a line of one's own; raises AskedAlready while one is open."""
    kept = _words(words, 200)
    try:
        with transaction.atomic():
            return CommissionQuestion.objects.create(
                line=line, guide_id=line.guide_id, words=kept, asked_at=now
            )
    except IntegrityError as error:
        raise AskedAlready from error


@transaction.atomic
def answer_question(
    *, question_id: int, words: str, actor: Actor, now: datetime
) -> CommissionQuestion:
    """Answer in words; the guide gets a card. What is owed changes by orders alone, never by this.

    Raises AnsweredAlready, WordsMissing.
    """
    kept = _words(words, 300)
    rows = CommissionQuestion.objects.visible_to(actor).select_for_update(of=("self",))
    question: CommissionQuestion = rows.get(pk=question_id)
    if question.answered_at is not None:
        raise AnsweredAlready
    question.answer, question.answered_at = kept, now
    question.answered_by_id = actor.user_id
    question.save(update_fields=["answer", "answered_at", "answered_by"])
    page = reverse("guide_portal:commission_line", args=[question.line_id])
    title, body = _("Head office answered your question"), _("About a line of your commission")
    queue_guide_notices(
        source=f"commission_question:{question.pk}",
        rows=[(question.guide_id, title, body, page)],
        now=now,
    )
    accounts.audit(
        actor=actor,
        action="commission.answered",
        object_type="commission_question",
        object_id=question.pk,
    )
    return question
