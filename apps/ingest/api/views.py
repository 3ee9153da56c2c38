"""The inbound API: batches of members and orders from tills, shops and malls."""

import hashlib
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from apps.accounts.capabilities import Capability
from apps.accounts.models import ApiKey
from apps.core import clock
from apps.core.api import ApiView, error_body
from apps.ingest import cases, concessions, points, services, stock
from apps.ingest.api import examples
from apps.ingest.api.authentication import ApiKeyAuthentication, HasCapability, Machine
from apps.ingest.api.serializers import (
    BatchAnswerSerializer,
    CaseBatchSerializer,
    CaseSerializer,
    CouponCheckSerializer,
    CouponVerdictSerializer,
    ErrorAnswerSerializer,
    GrantedSerializer,
    MemberBatchSerializer,
    MemberSerializer,
    OrderBatchSerializer,
    OrderSerializer,
    PersonCheckSerializer,
    PointsBatchSerializer,
    PointsSerializer,
    PurseSerializer,
    StockBatchSerializer,
    StockSerializer,
    granted_facts,
    purse_facts,
    verdict_facts,
)

_MAX_KEY = 120
_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=_("Send the same key again after a lost answer: the first answer is repeated."),
)
_ANSWERS: dict[int, Any] = {
    200: BatchAnswerSerializer,
    **dict.fromkeys((400, 401, 403, 409, 413), ErrorAnswerSerializer),
}


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = _("The batch is too large: send at most 1,000 items and 8 MB at once.")


class _MachineView(ApiView):
    """A door for machines: by API key, with the one capability that the view names."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasCapability]
    parser_classes = [JSONParser]
    capability: Capability

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view: Any = super().as_view(**initkwargs)
        view.capability = cls.capability
        return view


class _BatchView(_MachineView):
    """Reads a batch item by item, so that one bad item does not hold up the others."""

    item_serializer: type[
        MemberSerializer | OrderSerializer | StockSerializer | PointsSerializer | CaseSerializer
    ]
    take: Callable[..., list[services.ItemResult]]

    def post(self, request: Request) -> Response:
        raw, items, key = self._raw(request), self._items(request), self._key(request)
        actor = cast(Machine, request.user).actor
        try:
            answer = services.answer_once(
                api_key=cast(ApiKey, request.auth),
                path=request.path,
                key=key,
                request_body=raw,
                work=lambda: self.take(
                    items=[self._read(item) for item in items], now=clock.now(), actor=actor
                ),
            )
        except services.IdempotencyKeyReused as error:
            return Response(error_body(error.code, str(error)), status=status.HTTP_409_CONFLICT)
        headers = {"Idempotent-Replay": "true"} if answer.replayed else {}
        return Response(answer.body, headers=headers)

    @staticmethod
    def _raw(request: Request) -> bytes:
        try:
            return request._request.body
        except RequestDataTooBig as error:
            raise TooLarge from error

    @staticmethod
    def _items(request: Request) -> list[Any]:
        data = request.data
        items = data.get("items") if isinstance(data, dict) else None
        if not isinstance(items, list):
            raise ParseError(_("The body is a JSON object with a list “items”."), code="no_items")
        if len(items) > services.MAX_ITEMS:
            raise TooLarge
        return items

    @staticmethod
    def _key(request: Request) -> str:
        key = request.headers.get("Idempotency-Key", "").strip()
        if len(key) > _MAX_KEY or not key.isprintable():
            raise ParseError(
                _("An Idempotency-Key has at most 120 printable characters."),
                code="bad_idempotency_key",
            )
        return key

    def _read(self, item: Any) -> Any:
        serializer = self.item_serializer(data=item)
        if serializer.is_valid():
            return serializer.to_item()
        return services.ItemError("invalid", _first_problem(serializer.errors))


def _first_problem(errors: Any, path: str = "") -> str:
    """`lines[2].sku: …`: where the first fault lies and what it is; never the value itself."""
    if isinstance(errors, dict):
        name, inner = next(iter(errors.items()))
        dot = f"{path}." if path else ""
        return _first_problem(inner, path if name == "non_field_errors" else f"{dot}{name}")
    for place, inner in enumerate(errors):
        if isinstance(inner, dict | list):
            if inner:
                return _first_problem(inner, f"{path}[{place}]")
        else:
            return f"{path}: {inner}" if path else str(inner)
    return path


def _batch_schema(operation_id: str, *, tag: str, items: Any, example: Any) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=operation_id,
            tags=[tag],
            parameters=[_KEY],
            request=items,
            responses=_ANSWERS,
            examples=[example, examples.ANSWER],
        )
    )


@_batch_schema(
    "members_batch", tag="members", items=MemberBatchSerializer, example=examples.MEMBERS
)
class MemberBatch(_BatchView):
    """Create or update up to 1,000 members, found by phone or another identity."""

    capability = Capability.API_WRITE_MEMBERS
    item_serializer = MemberSerializer
    take = staticmethod(services.take_members)


@_batch_schema("orders_batch", tag="orders", items=OrderBatchSerializer, example=examples.ORDERS)
class OrderBatch(_BatchView):
    """Keep up to 1,000 orders. The same order again is unchanged; other content corrects it."""

    capability = Capability.API_WRITE_ORDERS
    item_serializer = OrderSerializer
    take = staticmethod(services.take_orders)


class ChecksOfStore(SimpleRateThrottle):
    """A store's tills ask once or twice for a sale; who asks much more often is guessing. Counted
    for key and store, because the stores of a chain may share one key; each question by itself."""

    def get_rate(self) -> str:
        return f"{settings.TILL_CHECKS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if not request.auth:
            return None
        data = request.data
        store = data.get("store_code") if isinstance(data, dict) else None
        # as the serializer reads it, and of one length whatever is sent
        named = hashlib.sha256(str(store or "").strip().encode(errors="replace")).hexdigest()
        return f"{self.scope}:{cast(ApiKey, request.auth).pk}:{named}"


class CouponChecks(ChecksOfStore):
    scope = "coupon-check"


class PointsChecks(ChecksOfStore):
    scope = "points-check"


class ConcessionsChecks(ChecksOfStore):
    scope = "concessions-check"


class _CheckView(_MachineView):
    """Answers a till's question before a sale. Nothing is changed."""

    capability = Capability.API_WRITE_ORDERS
    question: type[CouponCheckSerializer | PersonCheckSerializer]
    ask: Callable[..., Any]
    told: Callable[[Any], dict[str, Any]]

    def post(self, request: Request) -> Response:
        asked = self.question(data=request.data)
        asked.is_valid(raise_exception=True)
        actor = cast(Machine, request.user).actor
        found = self.ask(**asked.to_question(), now=clock.now(), actor=actor)
        return Response(self.told(found))


def _check_schema(operation_id: str, *, tag: str, asked: Any, answer: Any, shown: list[Any]) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=operation_id,
            tags=[tag],
            request=asked,
            responses={
                200: answer,
                **dict.fromkeys((400, 401, 403, 429), ErrorAnswerSerializer),
            },
            examples=shown,
        )
    )


@_check_schema(
    "coupons_check", tag="orders", asked=CouponCheckSerializer, answer=CouponVerdictSerializer,
    shown=[examples.CHECK, examples.VERDICT],
)  # fmt: skip
class CouponCheck(_CheckView):
    """What a coupon's code is worth now. Nothing is changed: the order that names it uses it."""

    throttle_classes = [CouponChecks]
    question = CouponCheckSerializer
    ask = staticmethod(services.check_coupon)
    told = staticmethod(verdict_facts)


@_batch_schema("stock_batch", tag="stock", items=StockBatchSerializer, example=examples.STOCK)
class StockBatch(_BatchView):
    """Keep up to 1,000 stock levels. A level that is not newer than the known one is unchanged."""

    capability = Capability.API_WRITE_STOCK
    item_serializer = StockSerializer
    take = staticmethod(stock.take_stock)


@_batch_schema("points_batch", tag="points", items=PointsBatchSerializer, example=examples.POINTS)
class PointsBatch(_BatchView):
    """Keep up to 1,000 movements of points. The same number again is unchanged and never changed;
    a chain that begins sends what each member has as one adjustment for each last day."""

    capability = Capability.API_WRITE_ORDERS
    item_serializer = PointsSerializer
    take = staticmethod(points.take_points)


@_check_schema(
    "points_check", tag="points", asked=PersonCheckSerializer, answer=PurseSerializer,
    shown=[examples.POINTS_CHECK, examples.PURSE],
)  # fmt: skip
class PointsCheck(_CheckView):
    """What a member can spend now, and what of it ends first. Nothing is changed: points are taken
    off by an entry “spent” of points/batch. No name and no number of the person is told."""

    throttle_classes = [PointsChecks]
    question = PersonCheckSerializer
    ask = staticmethod(points.check_points)
    told = staticmethod(purse_facts)


@_check_schema(
    "concessions_check", tag="orders", asked=PersonCheckSerializer, answer=GrantedSerializer,
    shown=[examples.CONCESSIONS_CHECK, examples.GRANTED],
)  # fmt: skip
class ConcessionsCheck(_CheckView):
    """What was granted to a member beyond the terms and counts at this store's till today. Nothing
    is changed: the order that makes use of it uses it. No name and no number of the person is
    told."""

    throttle_classes = [ConcessionsChecks]
    question = PersonCheckSerializer
    ask = staticmethod(concessions.check_concessions)
    told = staticmethod(granted_facts)


@_batch_schema("cases_batch", tag="cases", items=CaseBatchSerializer, example=examples.CASES)
class CaseBatch(_BatchView):
    """Write down up to 1,000 complaints for the stores to settle; a known one is unchanged."""

    capability = Capability.API_WRITE_CASES
    item_serializer = CaseSerializer
    take = staticmethod(cases.take_cases)
