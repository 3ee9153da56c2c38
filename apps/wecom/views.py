"""The door WeCom knocks at. Public: who may enter is decided by the signature."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from apps.core import clock
from apps.core.access import public
from apps.wecom import crypto, selectors, services
from apps.wecom.diagnosis import note_url_check, note_url_refused
from apps.wecom.errors import CallbackForged, CallbackRejected, CallbackTooLarge


@method_decorator(csrf_exempt, name="dispatch")
class CallbackView(View):
    """GET proves that the address is ours; POST is one callback."""

    http_method_names = ["get", "post"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        # no session here: the signature is the right to enter
        return public(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except CallbackRejected as exc:
            return HttpResponse(exc.code, status=exc.status, content_type="text/plain")

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        endpoint = self._endpoint(slug)
        seal, encrypted = crypto.Seal.from_query(request.GET), request.GET.get("echostr", "")
        try:
            clear = crypto.open_sealed(keys=endpoint.keys, seal=seal, encrypted=encrypted)
        except CallbackForged:
            note_url_refused(endpoint=endpoint, seal=seal, encrypted=encrypted)
            raise
        note_url_check(endpoint_id=endpoint.pk, now=clock.now())
        return HttpResponse(clear, content_type="text/plain")

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        endpoint = self._endpoint(slug)
        seal = crypto.Seal.from_query(request.GET)
        services.receive_callback(endpoint=endpoint, seal=seal, body=self._body(request))
        return HttpResponse(b"", content_type="text/plain")

    def _endpoint(self, slug: str) -> selectors.EndpointConfig:
        endpoint = selectors.endpoint_config(slug)
        if endpoint is None:
            raise Http404
        return endpoint

    def _body(self, request: HttpRequest) -> bytes:
        # refused by its announced length, before a byte of it is read
        if int(request.META.get("CONTENT_LENGTH") or 0) > crypto.MAX_BODY_BYTES:
            raise CallbackTooLarge("Larger than 1 MB.")
        return request.body
