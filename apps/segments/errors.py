"""How a definition is refused: always with a sentence that names the line."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class SegmentError(DomainError):
    """The tree of conditions cannot be understood."""

    code = "segment_invalid"
    message = _("This segment cannot be understood.")
