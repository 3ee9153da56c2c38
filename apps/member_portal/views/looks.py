"""搭配 as the customer sees it: pieces, prices, and the way back to the guide."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from apps.looks.models import Look
from apps.looks.selectors import look_page, pieces_of
from apps.member_portal.views.base import OpenPage


class LookPage(OpenPage):
    """It knows the sender, not the reader: who tapped the message's link was asked there.

    The look's guide is who sent it: a colleague's look goes out as a copy of the sender's.
    """

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        try:
            look = look_page(code=code)
        except Look.DoesNotExist:
            raise Http404 from None
        pieces = pieces_of(look)
        context = {
            "look": look,
            "pieces": pieces,
            "total_fen": sum(piece.tag_price_fen for piece in pieces),
        }
        return render(request, "member_portal/look.html", context)
