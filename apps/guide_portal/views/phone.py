"""What a phone asks for so that pages work without network, and what it brings back."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    RawPostDataException,
)
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views import View

from apps.accounts.capabilities import Capability
from apps.guide_portal import acts, offline
from apps.guide_portal.reasons import every_item_reason, offered_reasons
from apps.guide_portal.saved import phone_key, saved_copy
from apps.guide_portal.views.base import GuidePage
from apps.stores.access import CapabilityRequired

MOST_CARDS = 40
# what a phone has to forget: today's list, or everything it keeps of this guide
FORGET_SAVED, FORGET_ALL = "saved", "all"


class PhoneDoor(GuidePage):
    """Answers to a script: JSON, and 401 with an order to forget for whoever is no guide here."""

    def no_permission(self, request: HttpRequest) -> HttpResponseBase | None:
        actor = self.actor
        if self.capability and actor.can(self.capability) and actor.guide_id is not None:
            return None
        # a session ran out: the guide comes back. Signed in and no guide any more: nothing stays
        order = FORGET_ALL if request.user.is_authenticated else FORGET_SAVED
        answer = {"signed_in": False, "wipe": order}
        return JsonResponse(answer, status=401, headers={"X-Wipe": order})


class Saved(PhoneDoor):
    """Today for the phone to keep, and the token its next batch needs."""

    def get(self, request: HttpRequest) -> HttpResponse:
        copy = saved_copy(
            guide_id=self.guide_id,
            may_write=self.actor.can(Capability.EDIT_MEMBERS),
            most=MOST_CARDS,
            now=self.now,
        )
        return JsonResponse({**copy, "token": get_token(request)})


class Actions(PhoneDoor):
    """What was kept on the phone, at most 50 at a time; each is answered for itself.

    `{"guide", "sent_at", "page", "actions": [{"client_id", "kind", "made_at", "fields"}]}`. Sent
    again, an act gets the answer it got. `page`: the person looks on, so the next page says it too.
    """

    def post(self, request: HttpRequest) -> HttpResponse:
        batch = self._batch(request)
        items = batch.get("actions")
        if not isinstance(items, list) or len(items) > acts.MOST:
            words = _("At most %(n)s records at a time") % {"n": acts.MOST}
            return JsonResponse({"error": words}, status=400)
        if not constant_time_compare(str(batch.get("guide")), phone_key(self.guide_id)):
            # somebody else signed in on this phone meanwhile
            return JsonResponse({"error": "other_guide"}, status=409)
        read = acts.read_batch(
            items=items,
            sent_at=str(batch.get("sent_at")),
            actor=self.actor,
            guide_id=self.guide_id,
            now=self.now,
        )
        answers = acts.perform(acts=read)
        return JsonResponse({"answers": [self._said(one, batch.get("page")) for one in answers]})

    def _batch(self, request: HttpRequest) -> dict[str, Any]:
        try:
            found = json.loads(request.body)
        except (ValueError, RecursionError, RawPostDataException):  # the last: a form with parts
            return {}
        return found if isinstance(found, dict) else {}

    def _said(self, answer: acts.Answer, page: object) -> dict[str, str]:
        said = {"client_id": answer.client_id, "state": answer.state, "reason": answer.reason}
        if answer.done is not None:
            said["to"] = answer.done.to
            if page is True:
                messages.success(self.request, answer.done.words, extra_tags=answer.done.undo)
        return said


class Queue(GuidePage):
    """待提交: what this phone has not submitted yet; the phone itself fills it in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("guide_portal/queue.html")


class Offline(CapabilityRequired, View):
    """The frame for saved copies: nobody's data in it, so the phone may keep it as it is."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "reasons": offered_reasons(),
            "item_reasons": every_item_reason(),
            "is_frame": True,
        }
        response = render(request, "guide_portal/offline.html", context)
        patch_cache_control(response, no_cache=True)
        return response


class Worker(CapabilityRequired, View):
    """The service worker, under /g/ because that is what it may look after.

    It holds the frame and our own files, never a page with people on it.
    """

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        told = {
            "version": offline.files_version(),
            "files": offline.file_addresses(),
            "frame": reverse("guide_portal:offline"),
        }
        script = json.dumps(staticfiles_storage.url(offline.WORKER))
        code = f"self.PHONE = {json.dumps(told)};\nimportScripts({script});\n"
        response = HttpResponse(code, content_type="text/javascript; charset=utf-8")
        patch_cache_control(response, no_cache=True)
        return response
