"""A chosen picture beside its field, by its sealed name."""

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse

from apps.accounts.capabilities import Capability
from apps.core.pictures import media_type
from apps.hq.access import hq_page
from apps.hq.picture_form import opened


@hq_page(Capability.VIEW_REPORTS)
def kept_picture(request: HttpRequest, sealed: str) -> HttpResponse:
    """The picture as what it is; only a form of ours can have sealed the name."""
    file = opened(sealed)
    if not file:
        raise Http404
    try:
        with default_storage.open(file, "rb") as kept:
            return HttpResponse(kept.read(), content_type=media_type(file))
    except OSError:
        raise Http404 from None
