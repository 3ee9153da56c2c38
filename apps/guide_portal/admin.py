"""Head office sets what leads the guides' pages."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.guide_portal.models import LeadingFacts


@admin.register(LeadingFacts)
class LeadingFactsAdmin(RoomAdmin):
    """A row for everybody, and one for each stage that is to show something else."""

    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_CONTENT
    may_delete = True
    list_display = ["__str__", *LeadingFacts.PLACES]
    fields = ["stage", *LeadingFacts.PLACES]
    ordering = ["stage"]
    empty_words = _(
        "Until you choose, the last purchase, the total and the size lead every customer's card."
    )
