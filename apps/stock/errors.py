"""How this room says no."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class NothingFree(DomainError):
    code = "stock_nothing_free"
    message = _("No piece is free there now: what is left was promised. Ask another store.")


class TillHasNone(NothingFree):
    message = _("The till counts no other piece here. Say no, or have the till count again.")


class OwnStore(DomainError):
    code = "stock_own_store"
    message = _("It is in your own store. Fetch it from the shelf.")


class StoreNotReachable(DomainError):
    code = "stock_store_not_reachable"
    message = _("That store cannot be asked here yet. Call it.")


class NobodyThere(StoreNotReachable):
    message = _("Nobody is at work there who could answer. Ask another store, or call.")


class ShareMoved(DomainError):
    code = "stock_share_moved"
    message = _("Head office has changed the share meanwhile. Read it below, then tap again.")


class AskedAlready(DomainError):
    code = "stock_asked_already"
    message = _("This piece was asked for TA already. Look under the requests for pieces.")


class RequestOfOthers(DomainError):
    code = "stock_request_of_others"
    message = _("This request belongs to somebody else. Open the page again.")


class RequestMoved(DomainError):
    code = "stock_request_moved"
    message = _("This request is somewhere else by now. Open the page again.")


class RequestLate(DomainError):
    code = "stock_request_late"
    message = _("Its time is over. Ask the colleague to ask again.")


class RegionToAgree(DomainError):
    code = "stock_region_to_agree"
    message = _("The two stores have different owners: the regional manager has to agree first.")


class StockReasonMissing(DomainError):
    code = "stock_reason"
    message = _("Choose one of the reasons on the page.")
