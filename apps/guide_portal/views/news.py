"""资讯: the list, a piece, 我已读; for managers who of the team has not."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import row_id
from apps.guide_portal.news import news_list, piece_page, team_news
from apps.guide_portal.views.base import GuidePage, LeadersPage
from apps.news import services
from apps.news.models import News


class NewsList(LeadersPage):
    """What is shown now, must-read pieces marked. A regional manager reads what the region's stores
    are told; nobody asks them whether they have."""

    capability = Capability.WORK_TASKS
    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        number = request.GET.get("page", "")
        rows, page = news_list(actor=self.actor, number=number, now=self.now)
        return self.render("guide_portal/news.html", {"rows": rows, "page": page})


class PieceBase(GuidePage):
    tab = "tools"

    def piece(self, news_id: int) -> News:
        """A piece that is shown now and that the actor may see; else 404."""
        shown = News.objects.running(self.now).visible_to(self.actor)
        found: News = get_object_or_404(shown, pk=news_id)
        return found

    def is_asked(self, news: News) -> bool:
        """A manager may read what is for guides alone; nobody asks them."""
        day = clock.business_day(self.now)
        return News.objects.filter(pk=news.pk).asked_of(self.guide_id, day).exists()


class NewsPiece(PieceBase, LeadersPage):
    """Opening it is reading it; a must-read one asks for a tap as well."""

    capability = Capability.WORK_TASKS

    def get(self, request: HttpRequest, news_id: int) -> HttpResponse:
        news = self.piece(news_id)
        asked = False
        if self.actor.guide_id is not None:
            services.open_news(news=news, guide_id=self.guide_id, now=self.now)
            asked = news.must_read and self.is_asked(news)
        page = piece_page(news=news, guide_id=self.actor.guide_id, is_asked=asked, now=self.now)
        return self.render("guide_portal/news_piece.html", {"page": page})


class ReadNews(PieceBase):
    """我已读; a second tap changes nothing."""

    def post(self, request: HttpRequest, news_id: int) -> HttpResponseBase:
        news = self.piece(news_id)
        version = request.POST.get("version", "")
        services.confirm_news(
            news=news,
            guide_id=self.guide_id,
            version=row_id(version),
            now=self.now,
        )
        messages.success(request, _("Noted: you have read it"))
        return redirect("guide_portal:news")

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """To the words as they are now."""
        messages.error(request, str(error))
        return redirect("guide_portal:news_piece", self.kwargs["news_id"])


class TeamNews(LeadersPage):
    """Who of the team has not read what must be read."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = team_news(actor=self.actor, now=self.now)
        return self.render("guide_portal/team_news.html", {"pieces": rows})
