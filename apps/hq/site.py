"""Head office's admin site."""

from unfold.sites import UnfoldAdminSite


class HqAdminSite(UnfoldAdminSite):
    """The site all rooms register with."""
