"""The API's addresses, its schema and its page."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.ingest.api.views import (
    CaseBatch,
    ConcessionsCheck,
    CouponCheck,
    MemberBatch,
    OrderBatch,
    PointsBatch,
    PointsCheck,
    StockBatch,
)
from apps.stores.access import public

app_name = "ingest"
urlpatterns = [
    path("members/batch", MemberBatch.as_view(), name="members"),
    path("orders/batch", OrderBatch.as_view(), name="orders"),
    path("coupons/check", CouponCheck.as_view(), name="coupon_check"),
    path("points/batch", PointsBatch.as_view(), name="points"),
    path("points/check", PointsCheck.as_view(), name="points_check"),
    path("concessions/check", ConcessionsCheck.as_view(), name="concessions_check"),
    path("cases/batch", CaseBatch.as_view(), name="cases"),
    path("stock/batch", StockBatch.as_view(), name="stock"),
    # the shape of the API is no secret; nothing of the chain's data is in it
    path("schema/", public(SpectacularAPIView.as_view()), name="schema"),
    # the split view keeps its script in a file of its own: the content policy allows no inline one
    path(
        "docs/",
        public(SpectacularSwaggerSplitView.as_view(url_name="ingest:schema")),
        name="docs",
    ),
]
