"""Base models, and the one table of the ground: what jobs did."""

from uuid import UUID

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core import lease


class TimestampedModel(models.Model):
    """When a row was made and last saved."""

    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        abstract = True


class LeasedModel(models.Model):
    """A row one worker at a time may hold: see `core.lease`."""

    lease_token = models.UUIDField(_("lease token"), null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def settle(self, token: UUID, **outcome: object) -> bool:
        """Write how it ended and give the lease back; only while the lease is still `token`'s."""
        mine = type(self)._base_manager.filter(pk=self.pk)
        return bool(lease.release(mine, token=token, **outcome))


class Outgoing(LeasedModel):
    """Something to be done outside, not before a moment. `reason` is what a person reads about how
    it stands. Its queryset is an `OutboxQuerySet`."""

    not_before = models.DateTimeField(_("not before"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        abstract = True


class OutgoingOnce(Outgoing):
    """One whose call may not be repeated blindly.

    `call_started_at` is committed before the call: a lease that ran out without it never reached
    the other side, one that ran out with it has an outcome that is unknown.
    """

    call_started_at = models.DateTimeField(_("call started at"), null=True)

    class Meta:
        abstract = True


class JobRun(models.Model):
    """One run of a job: when, how long, how it ended. Kept for a short while only."""

    name = models.CharField(_("job"), max_length=100)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    ok = models.BooleanField(_("succeeded"), null=True)
    summary = models.TextField(_("what it did"), blank=True, default="")
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["name", "-started_at"], name="core_jobrun_name_started"),
            models.Index(fields=["started_at"], name="core_jobrun_started"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at:%Y-%m-%d %H:%M:%S}"
