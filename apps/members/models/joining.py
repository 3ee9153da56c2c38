"""Who was asked to join and did not, or not yet."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.members.models.identities import Member
from apps.members.querysets import EnrolDraftQuerySet, JoinRefusalQuerySet


class JoinReason(models.TextChoices):
    """Why a customer who was asked did not join: one tap."""

    LATER = "later", _("wants to think about it")
    HURRY = "hurry", _("has no time just now")
    NUMBER = "number", _("will not give the number")
    MESSAGES = "messages", _("fears too many messages")
    NO_USE = "no_use", _("sees no use in it")
    FAMILY = "family", _("the family has a card")


class JoinRefusal(models.Model):
    """未入会原因: what a known contact answered when a guide asked them to join. The last answer
    of a person counts; words beside it are a note, where all words of guides are. `store` is where
    the guide worked that day; empty for who worked nowhere."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("store"),
        db_index=False,
    )
    reason = models.CharField(_("reason"), max_length=12, choices=JoinReason.choices)
    client_id = models.UUIDField(_("client id"), unique=True)
    at = models.DateTimeField(_("at"))

    objects = JoinRefusalQuerySet.as_manager()

    class Meta:
        verbose_name = _("reason for not joining")
        verbose_name_plural = _("reasons for not joining")
        indexes = [
            models.Index(fields=["member", "-at"], name="members_refusal_last"),
            models.Index(fields=["at"], name="members_refusal_when"),
        ]

    def __str__(self) -> str:
        return f"join_refusal:{self.pk} of member:{self.member_id}"


class EnrolDraft(models.Model):
    """待邀请: somebody wants to join and cannot right now. How the guide calls them and what they
    looked at, sealed; never a number: its owner types that, on the page that asks for consent.

    Closing takes the words away: a joined one's have become a note. All rows go after a month.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("to be invited")
        JOINED = "joined", _("joined")
        DROPPED = "dropped", _("dropped")

    class DropReason(models.TextChoices):
        NOT_WANTED = "not_wanted", _("TA does not want to any more")
        ALREADY_IN = "already_in", _("TA joined another way")
        MISTAKE = "mistake", _("written by mistake")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    member = models.ForeignKey(
        Member,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("member"),
    )
    client_id = models.UUIDField(_("client id"), unique=True)
    code = models.CharField(_("public code"), max_length=32, unique=True)
    called_enc = models.BinaryField(editable=False)
    words_enc = models.BinaryField(editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=12, choices=DropReason.choices, blank=True)
    made_at = models.DateTimeField(_("made at"), db_index=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    objects = EnrolDraftQuerySet.as_manager()

    class Meta:
        verbose_name = _("enrolment draft")
        verbose_name_plural = _("enrolment drafts")
        indexes = [
            models.Index(
                fields=["guide", "made_at"], condition=Q(state="waiting"), name="members_draft_own"
            ),
            models.Index(
                fields=["store"], condition=Q(state="waiting"), name="members_draft_store"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", closed_at=None, member=None)
                | Q(state="joined", closed_at__isnull=False, member__isnull=False)
                | Q(state="dropped", closed_at__isnull=False, member=None),
                name="members_draft_closed_by_something",
            )
        ]

    def __str__(self) -> str:
        return f"enrol_draft:{self.pk} of guide:{self.guide_id}"
