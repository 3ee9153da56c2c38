"""What can go wrong when we talk with WeCom, in the caller's words: retry, give up, or look."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError

MEDIA_UNKNOWN = 40007  # WeCom has a picture no more that we thought it had


class WeComError(DomainError):
    """Base of every failed call.

    `errcode` is WeCom's own number when WeCom answered. `outcome_unknown` is true only when a call
    may have taken effect although we have no answer: it is queried, never blindly repeated.
    `retryable` says whether the same call can succeed later.
    """

    code = "wecom_error"
    message = _("WeCom did not accept the call.")
    outcome_unknown: bool = False
    retryable: bool = False
    hint: str = ""  # WeCom's own number of this very call, for its support
    seen_ip: str = ""  # the address WeCom saw us come from

    def __init__(self, detail: str = "", *, errcode: int | None = None) -> None:
        super().__init__()
        self.errcode = errcode
        self.detail = detail  # path and kind of failure; never an address or a body

    def __str__(self) -> str:
        number = "" if self.errcode is None else f" ({self.errcode})"
        return f"{self.message}{number} {self.detail}".strip()


class TokenExpired(WeComError):
    """WeCom went on refusing the access token after it was renewed once. Nothing was done."""

    code = "wecom_token_expired"
    message = _("WeCom refuses our access token.")
    retryable = True


class NotNow(WeComError):
    """Nothing was done, and no other call of this kind would be now: all of it waits."""

    code = "wecom_not_now"
    retryable = True

    def __init__(
        self, detail: str = "", *, errcode: int | None = None, retry_after: int = 60
    ) -> None:
        super().__init__(detail, errcode=errcode)
        self.retry_after = retry_after  # seconds


class RateLimited(NotNow):
    """Too often or too many at once: WeCom said so (45009, 45033), or it would."""

    code = "wecom_rate_limited"
    message = _("WeCom asks us to slow down.")
    asked: int | None = None  # seconds, where WeCom named them


class Paused(RateLimited):
    """WeCom has not answered for some calls in a row, so nobody asks for a while: to a caller the
    same as being told to slow down."""

    code = "wecom_paused"
    message = _("WeCom is not answering, so we wait before asking again.")


class Refused(WeComError):
    """WeCom said no. Nothing was done; `retryable` only where WeCom itself says "later"."""

    code = "wecom_refused"
    message = _("WeCom refused the call.")
    # busy; version conflict; mass send still being dispatched; another app's welcome in flight;
    # too many moments posts at once, or one still being dispatched
    LATER = frozenset({-1, 6000, 41063, 41078, 41079, 41096})

    def __init__(self, detail: str = "", *, errcode: int | None = None) -> None:
        super().__init__(detail, errcode=errcode)
        self.retryable = errcode in self.LATER


class Unreachable(WeComError):
    """The request certainly never reached WeCom (refused, no route, no token to send it with)."""

    code = "wecom_unreachable"
    message = _("WeCom cannot be reached.")
    retryable = True


class NoAnswer(WeComError):
    """The request left us and no usable answer came back.

    For a call with an effect the outcome is unknown.
    """

    code = "wecom_no_answer"
    message = _("WeCom gave no answer.")

    def __init__(self, detail: str = "", *, outcome_unknown: bool) -> None:
        super().__init__(detail)
        self.outcome_unknown = outcome_unknown
        self.retryable = not outcome_unknown


class CorpNotConfigured(WeComError):
    """There is no active corp, or its customer-contact app is missing."""

    code = "wecom_not_configured"
    message = _("No WeCom corp is connected yet.")


class CorpNotConnected(DomainError):
    """An address names a corp that is not connected here."""

    code = "wecom_corp_not_connected"
    message = _("This address names a WeCom corp that is not connected. Open the app in WeCom.")


class CorpNotNamed(DomainError):
    """Several corps are connected, and an address names none of them."""

    code = "wecom_corp_not_named"
    message = _("Say which company's WeCom you are in.")


class CodeNotOurs(Refused):
    """WeCom gave this code out for no app of this corp: it is another corp's, or invented."""

    code = "wecom_code_not_ours"
    message = _("WeCom gave this sign-in out for another corp. Open the app in your own WeCom.")


class AppKnown(DomainError):
    """This app of this corp is connected already."""

    code = "wecom_app_known"
    message = _("This app is connected already. Open its checklist to change its secret.")


class StepNotForPeople(DomainError):
    """WeCom can tell this itself, or nobody but a person can."""

    code = "wecom_step_not_for_people"
    message = _("This step is answered in another way.")


class CallbackRejected(DomainError):
    """A callback that we will not store. `status` is the HTTP answer it gets."""

    code = "wecom_callback_rejected"
    status = 400


class CallbackForged(CallbackRejected):
    """Signature or receiver do not fit: it does not come from this corp's WeCom."""

    code = "wecom_callback_forged"
    status = 403


class CallbackTooLarge(CallbackRejected):
    """Larger than anything WeCom sends."""

    code = "wecom_callback_too_large"
    status = 413


class CallbackLeaseLost(DomainError):
    """Another worker took the row over; whatever this one did must roll back."""

    code = "wecom_callback_lease_lost"


def plain_reason(error: WeComError) -> str:
    """What a person reads about a failed call."""
    if error.errcode == 41048:
        return gettext("WeCom found nobody it could send this to")
    if error.errcode in (40003, 60111):
        return gettext("WeCom does not know the sender")
    if error.errcode == MEDIA_UNKNOWN:
        return gettext("WeCom does not take a picture of this message")
    if error.errcode in (41064, 41065, 41072):
        return gettext("WeCom does not take these attachments together, or not here")
    if error.errcode in (41080, 41081, 45001):
        return gettext("a picture is too large for WeCom")
    if error.errcode in (41078, 41079):
        return gettext("WeCom is still busy with earlier moments posts; we try again by ourselves")
    if error.errcode == 45002:
        return gettext("the text is too long for WeCom")
    number = "" if error.errcode is None else f" ({error.errcode})"
    return f"{error.message}{number}"
