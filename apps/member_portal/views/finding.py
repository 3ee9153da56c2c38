"""找导购: a search that anybody may make, a limited number of times."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.core.callers import address_of
from apps.member_portal import limits, session
from apps.member_portal.finding import SHORTEST, Found, find
from apps.member_portal.forms import FindForm
from apps.member_portal.views.base import OpenPage


class Find(OpenPage):
    """Posted: a name has no place in an address."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page("", None)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = FindForm(request.POST)
        words = form.cleaned_data["words"] if form.is_valid() else ""
        if form.has_error("words", "max_length"):
            typed = request.POST["words"]
            return self._page(typed, None, status=400, advice=_("Please type a shorter name."))
        if len(words) < SHORTEST:
            return self._page(words, None, status=400, advice=_("Please type two signs at least."))
        limits.take("find_browser", session.browser_of(request), limits.FINDS_OF_BROWSER)
        limits.take("find", address_of(request), limits.FINDS_OF_ADDRESS)
        return self._page(words, find(words=words, now=self.now))

    def _page(
        self, words: str, found: Found | None, *, status: int = 200, advice: str = ""
    ) -> HttpResponse:
        context = {"words": words, "found": found, "advice": advice}
        return render(self.request, "member_portal/find.html", context, status=status)
