"""Who looks at whom beyond the own scope: requests, searches, alerts."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.members.models.identities import Member
from apps.members.querysets import AccessRequestQuerySet
from apps.stores.models import Asked


class AccessRequest(Asked):
    """申请查看: somebody outside the scope asks for a member's card, or a manager for the number of
    a customer of the store; granted for hours, not for ever, and the number for one look."""

    class What(models.TextChoices):
        CARD = "card", _("customer card")
        PHONE = "phone", _("phone number")

    class Reason(models.TextChoices):
        IN_SHOP = "in_shop", _("TA is in the shop now")
        CALLED = "called", _("TA called or wrote")
        AFTER_SALES = "after_sales", _("after-sales question")
        COVER = "cover", _("I stand in for a colleague")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for approval")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    what = models.CharField(
        pgettext_lazy("access", "what"), max_length=5, choices=What.choices, default=What.CARD
    )
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    used_at = models.DateTimeField(_("number seen at"), null=True, blank=True)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("access request")
        verbose_name_plural = _("access requests")
        indexes = [
            models.Index(
                fields=["guide", "member", "expires_at"],
                condition=Q(state="granted"),
                name="members_access_granted",
            ),
            models.Index(
                fields=["store", "asked_at"],
                condition=Q(state="waiting"),
                name="members_access_waiting",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "member", "what"],
                condition=Q(state="waiting"),
                name="members_access_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", expires_at__isnull=False)
                | (~Q(state="granted") & Q(expires_at=None)),
                name="members_access_grant_ends",
            ),
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(what="phone", state="granted"),
                name="members_access_number_was_granted",
            ),
        ]

    def __str__(self) -> str:
        return f"access_request:{self.pk} of guide:{self.guide_id}"


class LookUp(models.Model):
    """One search beyond names: who looked, by what kind of value, how many were found. Never the
    value."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone")
        LAST_FOUR = "last_four", _("last four")
        CODE = "code", _("member code or receipt")

    actor = models.CharField(_("who"), max_length=40)
    kind = models.CharField(_("by"), max_length=10, choices=Kind.choices)
    at = models.DateTimeField(_("at"))
    own = models.PositiveSmallIntegerField(_("found in own scope"), default=0)
    others = models.PositiveSmallIntegerField(_("found elsewhere"), default=0)

    class Meta:
        verbose_name = _("look-up")
        verbose_name_plural = _("look-ups")
        indexes = [models.Index(fields=["actor", "-at"], name="members_lookup_actor")]

    def __str__(self) -> str:
        return f"look_up:{self.pk} by {self.actor}"


class LookUpAlert(models.Model):
    """Somebody looked up more people than their work explains: head office asks why. Also its own
    people: they have no guide."""

    actor = models.CharField(_("who"), max_length=40)
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        verbose_name=_("guide"),
    )
    day = models.DateField(_("day"))
    raised_at = models.DateTimeField(_("raised at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_by = models.CharField(_("settled by"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("look-up alert")
        verbose_name_plural = _("look-up alerts")
        constraints = [
            models.UniqueConstraint(fields=["actor", "day"], name="members_lookup_alert_once_a_day")
        ]

    def __str__(self) -> str:
        return f"look_up_alert:{self.pk} on {self.actor}"
