"""What WeCom keeps for us around groups: codes that lead into them, welcomes for newcomers."""

import secrets

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import OutgoingOnce
from apps.customer_groups.models.groups import CustomerGroup
from apps.customer_groups.querysets import GroupCodeQuerySet, GroupWelcomeQuerySet
from apps.outreach import attachments


class Outside(OutgoingOnce):
    """A thing of ours that lives in WeCom: a row first, then one call under a lease.

    WeCom has no list of these things, so a lost answer stays `unknown` until a person says what to
    do; it is never made twice blindly.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        MADE = "made", pgettext_lazy("group code", "in WeCom")
        CHANGING = "changing", _("being changed")
        REMOVING = "removing", _("being taken back")
        REMOVED = "removed", pgettext_lazy("group code", "taken back")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")

    client_id = models.UUIDField(unique=True, editable=False)
    corp_id = models.CharField(_("corp id"), max_length=40)
    name = models.CharField(_("name"), max_length=30)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    wecom_id = models.CharField(_("WeCom id"), max_length=80, blank=True)
    unknown_since = models.DateTimeField(_("unknown since"), null=True)
    created_by = models.CharField(_("created by"), max_length=40)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        abstract = True


def new_code_state() -> str:
    """What WeCom tells of everybody who joins by a code; thirty characters at most."""
    return f"g{secrets.token_urlsafe(9)}"


class GroupCode(Outside):
    """群活码: a code that leads into the first of its groups that has room."""

    groups = models.ManyToManyField(CustomerGroup, related_name="+", verbose_name=_("groups"))
    join_state = models.CharField(max_length=30, unique=True, default=new_code_state)
    new_groups = models.BooleanField(
        _("open another group when full"),
        default=True,
        help_text=_("WeCom opens it in the name of the last group's owner."),
    )
    base_name = models.CharField(_("name of further groups"), max_length=40, blank=True)
    base_number = models.PositiveSmallIntegerField(_("counted from"), default=1)
    address = models.URLField(_("address of the code"), max_length=500, blank=True)

    objects = GroupCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("group code")
        verbose_name_plural = _("group codes")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["queued", "removing", "made"]),
                name="groups_code_due",
            )
        ]

    def __str__(self) -> str:
        return f"group_code:{self.pk}"


class GroupWelcome(Outside):
    """入群欢迎语: what newcomers read; owners choose it for their groups on their phones."""

    text = models.TextField(_("text"))
    picture = models.FileField(_("picture"), upload_to=attachments.place, blank=True)
    notify = models.BooleanField(_("tell the owners"), default=True)

    objects = GroupWelcomeQuerySet.as_manager()

    class Meta:
        verbose_name = _("group welcome")
        verbose_name_plural = _("group welcomes")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["queued", "changing", "removing"]),
                name="groups_welcome_due",
            )
        ]

    def __str__(self) -> str:
        return f"group_welcome:{self.pk}"
