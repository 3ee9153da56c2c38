"""Tags: the catalogue, who carries which now, and the append-only log of claims."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.partitions import NextVal
from apps.tagging.querysets import MemberTagsQuerySet, TagChangeQuerySet


class Winner(models.TextChoices):
    """Whose word counts where a group's tags are in WeCom too."""

    OFF = "off", _("not in WeCom")
    HQ = "hq", _("ours count: changes made in WeCom are put back")
    WECOM = "wecom", _("WeCom's count: changes made here are not sent")
    BOTH = "both", _("both count: a tag goes when neither side holds it")


class TagGroup(models.Model):
    name = models.CharField(_("name"), max_length=30, unique=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    guides_may_apply = models.BooleanField(_("guides may apply"), default=True)
    wecom = models.CharField(
        _("in WeCom"), max_length=8, choices=Winner.choices, default=Winner.OFF
    )

    class Meta:
        verbose_name = _("tag group")
        verbose_name_plural = _("tag groups")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    group = models.ForeignKey(
        TagGroup, on_delete=models.PROTECT, related_name="tags", verbose_name=_("group")
    )
    name = models.CharField(_("name"), max_length=30)
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["group", "name"]
        constraints = [
            models.UniqueConstraint(fields=["group", "name"], name="tagging_tag_once_in_group")
        ]

    def __str__(self) -> str:
        return self.name


class MemberTags(models.Model):
    """The tags a survivor carries now: one narrow row, an array of tag ids, no GIN."""

    member_id = models.BigIntegerField(primary_key=True)
    tags = ArrayField(models.IntegerField(), default=list)

    objects = MemberTagsQuerySet.as_manager()

    class Meta:
        verbose_name = _("member tags")
        verbose_name_plural = _("member tags")

    def __str__(self) -> str:
        return f"tags of member:{self.member_id}"


class TagChange(models.Model):
    """A claim made or given up. A tag stays on a member while any claim on it stands."""

    class Claim(models.TextChoices):
        PERSON = "person", _("person")
        RULE = "rule", _("rule")
        PUSH = "push", _("push result")
        WECOM = "wecom", "WeCom"

    pk = models.CompositePrimaryKey("id", "at")
    id = models.BigIntegerField(db_default=NextVal("tagging_tagchange_id_seq"), editable=False)
    at = models.DateTimeField(_("at"))
    member_id = models.BigIntegerField()
    tag_id = models.BigIntegerField()
    added = models.BooleanField(_("added"))
    claim = models.CharField(_("claim"), max_length=8, choices=Claim.choices)
    source = models.CharField(_("source"), max_length=80)
    actor = models.CharField(_("actor"), max_length=40, default="system")
    expires_at = models.DateTimeField(_("expires at"), null=True)

    objects = TagChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag change")
        verbose_name_plural = _("tag changes")
        indexes = [
            models.Index(fields=["member_id", "tag_id", "-id"], name="tagging_change_member")
        ]

    def __str__(self) -> str:
        return f"{'+' if self.added else '-'}{self.tag_id} member:{self.member_id}"
