"""我的, and how the pages look on this phone."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.guide_portal import display, reassignments
from apps.guide_portal.forms import DisplayForm
from apps.guide_portal.inbox import inbox
from apps.guide_portal.me import me_page
from apps.guide_portal.views.base import GuidePage


class Me(GuidePage):
    tab = "me"

    def get(self, request: HttpRequest) -> HttpResponse:
        now = self.now
        context = {
            "page": me_page(guide_id=self.guide_id, now=now),
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
            "display_words": display.words(display.chosen(request.COOKIES)),
        }
        return self.render("guide_portal/me.html", context)


class Messages(GuidePage):
    """消息: the last cards, also those that WeCom did not take. Regional managers get some too."""

    capability = Capability.VIEW_MEMBERS
    tab = "me"

    def get(self, request: HttpRequest) -> HttpResponse:
        now = self.now
        context = {
            "rows": inbox(guide_id=self.guide_id, now=now),
            "given": reassignments.given_of(guide_id=self.guide_id, now=now),
        }
        return self.render("guide_portal/messages.html", context)


class Display(GuidePage):
    """显示: light, dark or as the phone; ordinary or large type. For this phone alone."""

    tab = "me"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "chosen": display.chosen(request.COOKIES),
        }
        return self.render("guide_portal/display.html", context)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = DisplayForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        wanted = display.Display(form.cleaned_data["theme"], form.cleaned_data["care"])
        messages.success(request, _("This phone now shows the pages so"))
        response = redirect("guide_portal:display")
        response.set_cookie(
            display.COOKIE,
            wanted.cookie,
            max_age=display.YEAR_SECONDS,
            path=reverse("guide_portal:today"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response
