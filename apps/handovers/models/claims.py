"""归属申请: a guide says whose customer somebody is; a person above both decides."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.handovers.querysets import OwnershipClaimQuerySet
from apps.stores.models import Asked, AskLevel


class OwnershipClaim(Asked):
    """One guide asks to be the 专属导购 of one customer. `holder` is who was when it was asked,
    empty where nobody was; `level` is who decides: the store's manager, the region, head office."""

    class Reason(models.TextChoices):
        ASKED = "asked_for_me", _("TA asks for me")
        SERVED = "served", _("I have looked after TA for long")
        SOLD = "sold", _("TA buys with me")
        FRIEND = "friend", _("TA is my WeCom friend")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for approval")
        GRANTED = "granted", pgettext_lazy("claim", "granted")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", pgettext_lazy("claim", "taken back")

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    holder = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("serving guide"),
    )
    holder_store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("store of the serving guide"),
    )
    level = models.CharField(_("decided by the"), max_length=6, choices=AskLevel.choices)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)

    objects = OwnershipClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("ownership claim")
        verbose_name_plural = _("ownership claims")
        indexes = [
            models.Index(
                fields=["store", "asked_at"],
                condition=Q(state="waiting"),
                name="handovers_claim_waiting",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "member"],
                condition=Q(state="waiting"),
                name="handovers_claim_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="handovers_claim_decided_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"ownership_claim:{self.pk} of guide:{self.guide_id}"
