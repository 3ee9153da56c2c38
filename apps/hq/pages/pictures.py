"""A chosen picture beside its field, by its sealed name."""

from django.http import HttpRequest, HttpResponse

from apps.accounts.capabilities import Capability
from apps.core.pictures import picture_response
from apps.hq.access import hq_page
from apps.hq.picture_form import opened


@hq_page(Capability.VIEW_REPORTS)
def kept_picture(request: HttpRequest, sealed: str) -> HttpResponse:
    """The picture as what it is; only a form of ours can have sealed the name."""
    return picture_response(opened(sealed))
