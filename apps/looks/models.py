"""搭配: a few pieces that a guide put together, and each time it was sent to somebody.

Who got it stands at the send alone (`outreach`): no row here names a customer.
"""

import secrets

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.looks.querysets import LookQuerySet


def new_code() -> str:
    return secrets.token_urlsafe(9)


class Look(models.Model):
    # stands in the address of its page: not to be guessed, and of nobody
    code = models.CharField(max_length=16, unique=True, default=new_code, editable=False)
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("guide"),
        db_index=False,
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    title = models.CharField(_("title"), max_length=20)
    words = models.CharField(_("one sentence"), max_length=60, blank=True)
    copied_from = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("taken from"),
    )
    # the form that made it: sent twice, it is one look
    client_id = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField(_("made at"), db_default=Now(), editable=False)

    objects = LookQuerySet.as_manager()

    class Meta:
        verbose_name = _("look")
        # not the times that somebody looked
        verbose_name_plural = pgettext_lazy("outfits", "looks")
        indexes = [
            models.Index(fields=["guide", "-created_at"], name="looks_look_guide"),
            models.Index(fields=["store", "-created_at"], name="looks_look_store"),
            models.Index(fields=["-created_at", "-id"], name="looks_look_latest"),
        ]

    def __str__(self) -> str:
        return self.title


class LookItem(models.Model):
    look = models.ForeignKey(
        Look, on_delete=models.CASCADE, related_name="items", verbose_name=_("look")
    )
    product = models.ForeignKey(
        "orders.Product", on_delete=models.PROTECT, related_name="+", verbose_name=_("product")
    )
    place = models.PositiveSmallIntegerField(_("place"))

    class Meta:
        verbose_name = _("piece of a look")
        verbose_name_plural = _("pieces of looks")
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["look", "product"], name="looks_piece_once"),
        ]

    def __str__(self) -> str:
        return f"look:{self.look_id} {self.place}"


class LookSend(models.Model):
    """A send that carries the look's page. To whom, and what WeCom said, the send knows."""

    look = models.ForeignKey(
        Look, on_delete=models.PROTECT, related_name="+", verbose_name=_("look")
    )
    dispatch = models.OneToOneField(
        "outreach.Dispatch", on_delete=models.CASCADE, related_name="+", verbose_name=_("send")
    )
    asked_at = models.DateTimeField(_("asked at"))

    class Meta:
        verbose_name = _("sending of a look")
        verbose_name_plural = _("sendings of looks")

    def __str__(self) -> str:
        return f"look_send:{self.pk}"
