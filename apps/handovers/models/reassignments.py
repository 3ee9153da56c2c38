"""接手: customers come to a guide from somebody else, and the guide says that they are heard of."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import pii
from apps.handovers.querysets import ReassignmentQuerySet


class Reassignment(models.Model):
    """What one act gave one guide: from whom, why, from when, how many, and what TA says to it.

    Who the customers are is not kept here: the serving periods that began with the act, a
    handover's rows or the cover say it.
    """

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", pgettext_lazy("reassignment", "had no guide")
        HANDED_OVER = "handed_over", pgettext_lazy("reassignment", "their guide has gone")
        TRANSFERRED = "transferred", pgettext_lazy("reassignment", "handed over in WeCom")
        MOVED_ON = "moved_on", pgettext_lazy("reassignment", "given on by the manager")
        COVER = "cover", pgettext_lazy("reassignment", "covered for a colleague")

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("reassignment", "to be accepted")
        ACCEPTED = "accepted", pgettext_lazy("reassignment", "accepted")
        QUESTIONED = "questioned", pgettext_lazy("reassignment", "something is wrong")
        SETTLED = "settled", pgettext_lazy("reassignment", "answered by the manager")
        OVER = "over", pgettext_lazy("reassignment", "over")

    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    from_guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("from"),
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    run = models.ForeignKey(
        "handovers.HandoverRun", on_delete=models.CASCADE, related_name="+", null=True
    )
    # a cover that is called off before its first day leaves no row behind
    cover = models.OneToOneField(
        "stores.Cover", on_delete=models.SET_NULL, related_name="+", null=True
    )
    customers = models.PositiveIntegerField(_("customers"), default=0)
    given_by = models.CharField(_("given by"), max_length=40)
    given_at = models.DateTimeField(_("given at"))
    from_on = models.DateField(_("from"))
    until_on = models.DateField(_("until"), null=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default="waiting")
    answered_at = models.DateTimeField(_("answered at"), null=True)
    # free text, which may be about customers
    said_enc = models.BinaryField(_("what is wrong"), default=bytes)
    word_enc = models.BinaryField(_("the manager's word"), default=bytes)
    settled_by = models.CharField(_("settled by"), max_length=40, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True)
    # the managers were told that nobody has accepted
    late_told_at = models.DateTimeField(null=True, editable=False)

    objects = ReassignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("reassignment")
        verbose_name_plural = _("reassignments")
        indexes = [
            models.Index(
                fields=["guide"], condition=Q(state="waiting"), name="handovers_given_waiting"
            ),
            models.Index(fields=["guide", "-given_at"], name="handovers_given_guide"),
            models.Index(
                fields=["store"],
                condition=Q(state__in=["waiting", "questioned"]),
                name="handovers_given_store",
            ),
            models.Index(
                fields=["given_at"],
                condition=Q(state="waiting", late_told_at=None),
                name="handovers_given_untold",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", answered_at=None)
                | Q(state__in=["accepted", "questioned", "settled"], answered_at__isnull=False)
                | Q(state="over"),
                name="handovers_given_answered",
            ),
            models.CheckConstraint(
                condition=~Q(state="questioned") | ~Q(said_enc=b""),
                name="handovers_given_question_says_what",
            ),
            models.CheckConstraint(
                condition=~Q(state="settled") | ~Q(word_enc=b""),
                name="handovers_given_settled_by_word",
            ),
            models.CheckConstraint(
                condition=Q(kind="cover", until_on__isnull=False)
                | ~Q(kind="cover") & Q(until_on=None),
                name="handovers_given_cover_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"reassignment:{self.pk}"

    @property
    def said(self) -> str:
        return pii.unseal(self.said_enc)

    @property
    def word(self) -> str:
        return pii.unseal(self.word_enc)

    @property
    def is_cover(self) -> bool:
        return self.kind == self.Kind.COVER
