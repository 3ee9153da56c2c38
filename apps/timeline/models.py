"""The member's story: append-only events, their keys, and the cursors of those who read the
feed."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core.partitions import NextVal
from apps.timeline.functions import CurrentEpoch, CurrentTransaction
from apps.timeline.querysets import MemberEventQuerySet


class Kind(models.TextChoices):
    """What can happen to a member. Payloads hold ids, never a phone, a name or free text."""

    MEMBER_CREATED = "member.created", _("became known")
    MEMBER_JOINED = "member.joined", _("joined")
    FRIEND_ADDED = "friend.added", _("became a WeCom friend")
    FRIEND_ENDED = "friend.ended", _("WeCom friendship ended")
    SERVING_CHANGED = "serving.changed", _("serving guide changed")
    CONSENT_GIVEN = "consent.given", _("consent given")
    CONSENT_WITHDRAWN = "consent.withdrawn", _("consent withdrawn")
    STOPPED = "contact.stopped", _("asked not to be contacted")
    STOP_LIFTED = "contact.stop_lifted", _("may be contacted again")
    ORDER_PLACED = "order.placed", _("bought")
    ORDER_RETURNED = "order.returned", _("returned goods")
    TAGGED = "tag.added", _("tagged")
    UNTAGGED = "tag.removed", _("tag removed")
    STAGE_CHANGED = "stage.changed", _("stage changed")
    TASK_ISSUED = "task.issued", _("task issued")
    CONTACT_GRADED = "contact.graded", _("contact proven")
    CONTACT_FAILED = "contact.failed", _("message not received")
    TASK_DONE = "task.done", _("task done")
    TASK_EXCUSED = "task.excused", _("not applicable")
    TASK_EXPIRED = "task.expired", _("task expired")
    TASK_MOVED = "task.moved", _("task went to a colleague")
    ENGAGED = "outcome.engaged", _("engaged")
    VISITED = "outcome.visited", _("visited the store")
    PURCHASED = "outcome.purchased", _("bought in the window")
    NOTE_ADDED = "note.added", _("note added")
    NOTE_TAKEN_BACK = "note.taken_back", _("note taken back")
    VISIT_NOTED = "visit.noted", _("was in the shop")
    VISIT_TAKEN_BACK = "visit.taken_back", _("visit taken back, was not in the shop")
    JOIN_REFUSED = "join.refused", _("was asked to join, did not")
    COUPON_GIVEN = "coupon.given", _("got a coupon")
    COUPON_USED = "coupon.used", _("used a coupon")
    COUPON_BACK = "coupon.back", _("coupon free again, the order came back")
    COUPON_WITHDRAWN = "coupon.withdrawn", _("coupon taken back, the message did not go out")
    APPOINTMENT_BOOKED = "appointment.booked", _("appointment booked")
    APPOINTMENT_KEPT = "appointment.kept", _("came as booked")
    APPOINTMENT_MISSED = "appointment.missed", _("did not come as booked")
    APPOINTMENT_CANCELLED = "appointment.cancelled", _("appointment cancelled")
    CASE_OPENED = "case.opened", _("complained")
    CASE_CLOSED = "case.closed", _("complaint closed")
    CASE_REOPENED = "case.reopened", _("complaint open again")
    CONCESSION_GRANTED = "concession.granted", _("was granted a concession")


class FeedEpoch(models.Model):
    """Transaction ids hold in one cluster only: every restore adds a row.

    The last row is the current epoch; without any it is 0."""

    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("feed epoch")
        verbose_name_plural = _("feed epochs")

    def __str__(self) -> str:
        return f"epoch {self.pk}"


class MemberEvent(models.Model):
    """One thing that happened to a member. Never updated, never the target of a foreign key."""

    pk = models.CompositePrimaryKey("id", "occurred_at")
    id = models.BigIntegerField(db_default=NextVal("timeline_event_id_seq"))
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())
    tx = models.BigIntegerField(db_default=CurrentTransaction())
    epoch = models.IntegerField(db_default=CurrentEpoch())
    member_id = models.BigIntegerField()
    identity_id = models.BigIntegerField(null=True)
    kind = models.CharField(_("kind"), max_length=40, choices=Kind.choices)
    source = models.CharField(_("source"), max_length=80)
    actor = models.CharField(_("actor"), max_length=40, default="system")
    payload = models.JSONField(_("payload"), default=dict)

    objects = MemberEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("member event")
        verbose_name_plural = _("member events")
        indexes = [
            models.Index(fields=["member_id", "-occurred_at"], name="timeline_event_member"),
            models.Index(fields=["tx", "id"], name="timeline_event_feed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} member:{self.member_id}"


class EventKey(models.Model):
    """Deduplication of events: a unique index on the partitioned table could not hold the key
    alone."""

    key_hash = models.BinaryField(primary_key=True, max_length=32)
    event_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name = _("event key")
        verbose_name_plural = _("event keys")

    def __str__(self) -> str:
        return f"key of event {self.event_id}"


class ConsumerCursor(models.Model):
    """How far a reader of the feed has come: (epoch, tx, id) of the last event it has taken."""

    name = models.CharField(_("name"), max_length=60, primary_key=True)
    epoch = models.IntegerField(default=0)
    tx = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("feed cursor")
        verbose_name_plural = _("feed cursors")

    def __str__(self) -> str:
        return self.name
