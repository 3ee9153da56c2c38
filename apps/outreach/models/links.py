"""Tracked links and the taps on them."""

import secrets

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core.models import LeasedModel
from apps.outreach.models.scripts import ContentAsset
from apps.outreach.models.sends import Dispatch, DispatchRecipient
from apps.outreach.querysets import LinkClickQuerySet


def new_link_code() -> str:
    return secrets.token_urlsafe(9)


class TrackedLink(models.Model):
    """A link in a message. Made per dispatch before the text is rendered, so its code also
    identifies the send in WeCom's own list when a reply was lost."""

    code = models.CharField(max_length=16, unique=True, default=new_link_code)
    asset = models.ForeignKey(
        ContentAsset,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("content"),
    )
    dispatch = models.ForeignKey(
        Dispatch, on_delete=models.CASCADE, related_name="+", null=True, verbose_name=_("send")
    )
    # who shared it by hand, when no send carries it
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("shared by"),
        db_index=False,
    )
    # the corp that may say who taps, where neither a send nor a guide names one
    corp_id = models.CharField(max_length=40, blank=True, editable=False)
    source = models.CharField(_("source"), max_length=80, db_index=True)
    # a page of our own that it leads to instead of content
    page = models.CharField(max_length=40, blank=True, editable=False)
    # a page outside that it leads to, where it is a card's and not the message's own link
    address = models.CharField(max_length=2048, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("tracked link")
        verbose_name_plural = _("tracked links")

    def __str__(self) -> str:
        return f"tracked_link:{self.pk}"


class LinkClick(LeasedModel):
    """A tap on a tracked link. Identified by WeCom OAuth it becomes proof; anonymous it only
    counts. Who tapped a link that no send of ours carried stands here until it is told."""

    link = models.ForeignKey(
        TrackedLink, on_delete=models.CASCADE, related_name="+", verbose_name=_("link")
    )
    recipient = models.ForeignKey(
        DispatchRecipient,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        verbose_name=_("receiver"),
    )
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        verbose_name=_("member"),
        db_index=False,
    )
    clicked_at = models.DateTimeField(_("clicked at"))
    handled_at = models.DateTimeField(_("handled at"), null=True)

    objects = LinkClickQuerySet.as_manager()

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(handled_at=None)
                & (Q(recipient__isnull=False) | Q(member__isnull=False)),
                name="outreach_click_queue",
            ),
            models.Index(
                fields=["member"],
                condition=Q(member__isnull=False),
                name="outreach_click_member",
            ),
        ]

    def __str__(self) -> str:
        return f"link_click:{self.pk}"
