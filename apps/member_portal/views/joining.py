"""From a guide's QR code to the welcome page."""

from uuid import UUID

from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.core import pii
from apps.core.callers import address_of
from apps.core.errors import DomainError
from apps.member_portal import selectors, session
from apps.member_portal.forms import CodeForm, JoinForm, box
from apps.member_portal.models import PhoneCode
from apps.member_portal.services import codes, joining
from apps.member_portal.texts import Text, current_texts
from apps.member_portal.views.base import MemberPage, OpenPage, notice_page
from apps.members.invites import Invite, InviteOver, read_invite
from apps.members.models import Consent

WAITING = "member_code"
ONWARD = "member_onward"
REPLAY_SECONDS = 600
ASKED_AT_JOIN = (
    Consent.Purpose.MEMBERSHIP,
    Consent.Purpose.WECOM_MARKETING,
    Consent.Purpose.SMS_MARKETING,
    Consent.Purpose.PROFILING,
)


def _replay_key(client_id: UUID, phone: str) -> str:
    return f"member-joined:{client_id}:{pii.value_key('replay', '', phone).hex()}"


class Join(OpenPage):
    """Who invites, what for, number, consents; nothing about anybody who is a member already."""

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        invite = self._invite(token)
        if isinstance(invite, HttpResponse):
            return invite
        if session.asks_who(request):
            asked = invite.guide.corp_id
            address = session.question(request, onward=request.path, corp_id=asked)
            if address:
                return redirect(address)
        return self._page(invite, form=None, status=200)

    def _invite(self, token: str) -> Invite | HttpResponse:
        try:
            return read_invite(token, now=self.now)
        except InviteOver as error:
            head = _("This invitation is over")
            return notice_page(self.request, status=410, head=head, words=str(error))

    def _texts(self) -> list[Text]:
        found = {text.purpose: text for text in current_texts(now=self.now)}
        return [found[purpose] for purpose in ASKED_AT_JOIN if purpose in found]

    def _page(
        self, invite: Invite, *, form: JoinForm | None, status: int, refusal: str = ""
    ) -> HttpResponse:
        ticked = set(self.request.POST.getlist("consent"))
        boxes = [
            {"value": box(text), "text": text, "on": box(text) in ticked} for text in self._texts()
        ]
        context = {
            "invite": invite,
            "chain": selectors.chain_name(),
            "coupons": selectors.welcome_words(store_id=invite.store.pk, now=self.now),
            "boxes": boxes,
            "phone": self.request.POST.get("phone", ""),
            "phone_error": "phone" in form.errors if form is not None else False,
            "refusal": refusal,
        }
        return render(self.request, "member_portal/join.html", context, status=status)

    def post(self, request: HttpRequest, token: str) -> HttpResponseBase:
        invite = self._invite(token)
        if isinstance(invite, HttpResponse):
            return invite
        form = JoinForm(request.POST, texts=self._texts())
        if not form.is_valid():
            words = str(_("Please check the number.")) if "phone" in form.errors else ""
            words = words or str(_("The page was renewed. Please read it again."))
            return self._page(invite, form=form, status=400, refusal=words)
        try:
            return self._join(invite, form)
        except DomainError as error:
            return self._page(invite, form=form, status=409, refusal=str(error))

    def _join(self, invite: Invite, form: JoinForm) -> HttpResponse:
        request, now = self.request, self.now
        phone = form.cleaned_data["phone"]
        replay = _replay_key(form.cleaned_data["client_id"], phone)
        known = cache.get(replay)
        if known is not None:  # the same form again: its answer was lost on the way
            session.sign_in(request, member_id=known, proof="", now=now)
            return redirect("member_portal:welcome")
        outcome = joining.begin_join(
            invite=invite,
            phone=phone,
            consents=form.given(),
            seen=session.seen(request),
            address=address_of(request),
            now=now,
        )
        if isinstance(outcome, PhoneCode):
            request.session[WAITING] = str(outcome.pk)
            return redirect("member_portal:code")
        if not outcome.proof:
            cache.set(replay, outcome.member_id, REPLAY_SECONDS)
        session.sign_in(request, member_id=outcome.member_id, proof=outcome.proof, now=now)
        return redirect("member_portal:welcome")


class Code(OpenPage):
    """The code from the SMS, for joining and for signing in: the page looks the same to both."""

    def _pk(self) -> UUID | None:
        kept = self.request.session.get(WAITING)
        return UUID(kept) if kept else None

    def get(self, request: HttpRequest) -> HttpResponseBase:
        pk = self._pk()
        row = PhoneCode.objects.filter(pk=pk).first() if pk else None
        if row is None:
            return redirect("member_portal:sign_in")
        return self._page(row, status=200)

    def _page(self, row: PhoneCode, *, status: int, refusal: str = "") -> HttpResponse:
        context = {
            "phone": pii.mask_phone(codes.phone_of(row)),
            "refusal": refusal,
            "over": row.expires_at <= self.now or row.tries >= codes.MAX_TRIES,
        }
        return render(self.request, "member_portal/code.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        pk = self._pk()
        row = PhoneCode.objects.filter(pk=pk).first() if pk else None
        if row is None:
            return redirect("member_portal:sign_in")
        form = CodeForm(request.POST)
        try:
            if not form.is_valid():
                raise codes.WrongCode
            row = codes.use_code(pk=row.pk, code=form.cleaned_data["code"], now=self.now)
        except DomainError as error:
            row.refresh_from_db()
            return self._page(row, status=409, refusal=str(error))
        request.session.pop(WAITING, None)
        return self._go_on(row)

    def _go_on(self, row: PhoneCode) -> HttpResponse:
        request, now = self.request, self.now
        if row.purpose == PhoneCode.Purpose.JOIN:
            joined = joining.finish_join(row=row, now=now)
            session.sign_in(request, member_id=joined.member_id, proof="code", now=now)
            if not joined.is_new:
                messages.success(request, _("You are a member already. Everything is kept."))
            return redirect("member_portal:welcome")
        onward = session.safe_next(request.session.pop(ONWARD, ""))
        member = joining.sign_in_by_phone(phone=codes.phone_of(row), now=now)
        session.sign_in(request, member_id=member.pk, proof="code", now=now)
        return redirect(onward)


class CodeAgain(OpenPage):
    """One more code for the number that is waiting."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        kept = request.session.get(WAITING)
        row = PhoneCode.objects.filter(pk=kept).first() if kept else None
        if row is None:
            return redirect("member_portal:sign_in")
        try:
            again = joining.ask_again(row=row, address=address_of(request), now=self.now)
        except DomainError as error:
            messages.error(request, str(error))
        else:
            request.session[WAITING] = str(again.pk)
            messages.success(request, _("A new code is on its way."))
        return redirect("member_portal:code")


class Welcome(MemberPage):
    """In: the welcome benefit, the guide, and the way to add them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": selectors.home_page(member=self.member),
            "welcome": selectors.my_welcome(member_id=self.member.pk),
            "chain": selectors.chain_name(),
            "proof": self.proof,
        }
        return render(request, "member_portal/welcome.html", context)


class WelcomeLive(MemberPage):
    """The guide's part again, while WeCom makes the code."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {"guide": selectors.my_guide(member_id=self.member.pk)}
        return render(request, "member_portal/partials/_guide.html", context)
