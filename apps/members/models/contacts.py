"""What guides did and wrote down: visits, notes, days to turn to somebody again, facts."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.members.models.identities import Member
from apps.members.querysets import (
    ConfirmedFactQuerySet,
    FollowUpQuerySet,
    InteractionQuerySet,
    MemberNoteQuerySet,
)


class VisitReason(models.TextChoices):
    """Why a customer who was in the shop bought, or left without: one tap, never asked twice."""

    FOR_SELF = "for_self", _("for TA's own use")
    GIFT = "gift", _("as a gift")
    OCCASION = "occasion", _("for an occasion")
    OFFER = "offer", _("because of an offer")
    NO_SIZE = "no_size", _("size was missing")
    STYLE = "style", _("style did not fit")
    PRICE = "price", _("found it dear")
    LOOKING = "looking", _("only looked around")


class Interaction(models.Model):
    """Who talked last: one row per contact that a source proves or a guide records."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("message")
        CHAT_OPENED = "chat_opened", _("chat opened")
        VISIT = "visit", _("store visit")
        NOTE = "note", _("note")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    occurred_at = models.DateTimeField(_("occurred at"))
    source = models.CharField(_("source"), max_length=80, unique=True)
    reason = models.CharField(_("reason"), max_length=12, choices=VisitReason.choices, blank=True)

    objects = InteractionQuerySet.as_manager()

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        indexes = [
            models.Index(fields=["member", "-occurred_at"], name="members_interaction_last"),
            models.Index(
                fields=["occurred_at"], condition=Q(kind="visit"), name="members_visit_when"
            ),
            # rows come in the order of time: what is young lies together
            BrinIndex(fields=["occurred_at"], name="members_interaction_when"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} guide:{self.guide_id} member:{self.member_id}"


class MemberNote(models.Model):
    """What a guide learned, in their own words. Sensitive by default: encrypted, never a
    condition."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    body_enc = models.BinaryField(editable=False)
    client_id = models.UUIDField(_("client id"), unique=True)
    created_at = models.DateTimeField(_("created at"))
    # taken back by who wrote it: the row stays, its words are gone
    withdrawn_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    objects = MemberNoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        indexes = [models.Index(fields=["member", "-created_at"], name="members_note_latest")]

    def __str__(self) -> str:
        return f"note {self.pk} on member:{self.member_id}"


class FollowUp(models.Model):
    """The day on which a guide wants to turn to a member again. One stands per guide and member."""

    class Closed(models.TextChoices):
        CONTACTED = "contacted", _("turned to TA")
        BY_HAND = "by_hand", _("ticked off")
        REPLACED = "replaced", _("another day was set")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    due_on = models.DateField(_("due on"))
    client_id = models.UUIDField(_("client id"), unique=True)
    created_at = models.DateTimeField(_("created at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed = models.CharField(_("closed by"), max_length=10, choices=Closed.choices, blank=True)

    objects = FollowUpQuerySet.as_manager()

    class Meta:
        verbose_name = _("follow-up date")
        verbose_name_plural = _("follow-up dates")
        indexes = [
            models.Index(
                fields=["guide", "due_on"],
                condition=Q(closed_at=None),
                name="members_followup_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "guide"],
                condition=Q(closed_at=None),
                name="members_followup_one_standing",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed="")
                | (Q(closed_at__isnull=False) & ~Q(closed="")),
                name="members_followup_close_has_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"follow_up:{self.pk} of guide:{self.guide_id} on member:{self.member_id}"


class ConfirmedFact(models.Model):
    """A word of a guide's note that the guide confirmed as a fact. Words come from a fixed list,
    never from free text; like notes they are no condition of a segment."""

    class Kind(models.TextChoices):
        SIZE = "size", _("size")
        COLOUR = "colour", _("colour")
        FAMILY = "family", _("family")
        OCCASION = "occasion", _("occasion")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    word = models.CharField(_("word"), max_length=12)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"))

    objects = ConfirmedFactQuerySet.as_manager()

    class Meta:
        verbose_name = _("confirmed fact")
        verbose_name_plural = _("confirmed facts")
        constraints = [
            models.UniqueConstraint(fields=["member", "kind", "word"], name="members_fact_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of member:{self.member_id}"
