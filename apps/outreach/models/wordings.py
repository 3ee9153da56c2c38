"""Words that guides offer and stores use in place of head office's."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.outreach.models.scripts import MessageTemplate
from apps.outreach.querysets import (
    ScriptProposalQuerySet,
    ScriptVariantQuerySet,
)


class ScriptProposal(models.Model):
    """A guide's own words, offered to the store: the manager takes them or says why not. What a
    store has taken head office may open to the chain, or say why not; the store keeps it then."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for the manager")
        TAKEN = "taken", _("taken into the library")
        REFUSED = "refused", _("not taken")

    class Chain(models.TextChoices):
        OPENED = "opened", _("used by the chain")
        REFUSED = "refused", _("stays with the store")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    client_id = models.UUIDField(unique=True)
    name = models.CharField(_("name"), max_length=30)
    body = models.TextField(_("text"), max_length=1000)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    refusal = models.CharField(_("why not"), max_length=200, blank=True)
    reviewed_by = models.CharField(_("decided by"), max_length=40, blank=True)
    reviewed_at = models.DateTimeField(_("decided at"), null=True)
    template = models.OneToOneField(
        MessageTemplate,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("script"),
    )
    # head office's own word on what a store has taken; empty until then
    chain = models.CharField(_("head office"), max_length=8, choices=Chain.choices, blank=True)
    chain_refusal = models.CharField(_("why not for the chain"), max_length=200, blank=True)
    chain_by = models.CharField(_("decided for the chain by"), max_length=40, blank=True)
    chain_at = models.DateTimeField(_("decided for the chain at"), null=True)
    created_at = models.DateTimeField(_("created at"))

    objects = ScriptProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("proposed script")
        verbose_name_plural = _("proposed scripts")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["store"], condition=Q(state="waiting"), name="outreach_proposal_waiting"
            ),
            models.Index(fields=["guide", "-id"], name="outreach_proposal_guide"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", reviewed_at=None, template=None)
                | Q(state="taken", reviewed_at__isnull=False, template__isnull=False)
                | (Q(state="refused", reviewed_at__isnull=False, template=None) & ~Q(refusal="")),
                name="outreach_proposal_decided_whole",
            ),
            models.CheckConstraint(
                condition=Q(chain="", chain_at=None, chain_refusal="")
                | Q(chain="opened", state="taken", chain_at__isnull=False, chain_refusal="")
                | Q(chain="refused", state="taken", chain_at__isnull=False) & ~Q(chain_refusal=""),
                name="outreach_proposal_chain_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"script_proposal:{self.pk}"

    @property
    def source(self) -> str:
        return f"script_proposal:{self.pk}"


class ScriptVariant(models.Model):
    """A store's own wording of head office's script.

    It stands in for exactly the words it was made from: where a push or the script itself says
    something else by now, that is what guides read. Head office may withdraw it; its row stays.
    """

    script = models.ForeignKey(
        MessageTemplate,
        on_delete=models.CASCADE,
        related_name="variants",
        verbose_name=_("script"),
        db_index=False,
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    body = models.TextField(_("personal text"), max_length=1000)
    generic_body = models.TextField(_("text for everybody"), max_length=1000, blank=True)
    # head office's words that it stands in for
    base_body = models.TextField()
    base_generic_body = models.TextField(blank=True)
    written_by = models.CharField(_("written by"), max_length=40)
    since = models.DateTimeField(_("in use since"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    withdrawn_by = models.CharField(_("withdrawn by"), max_length=40, blank=True)
    why = models.CharField(_("why withdrawn"), max_length=200, blank=True)

    objects = ScriptVariantQuerySet.as_manager()

    class Meta:
        verbose_name = _("store's wording")
        verbose_name_plural = _("stores' wordings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["script", "store"], name="outreach_variant_once"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, why="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_by="")),
                name="outreach_variant_withdrawn_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"script_variant:{self.pk}"
