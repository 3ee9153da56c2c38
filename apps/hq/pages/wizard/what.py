"""Step 2: what is said, and the tags its outcome leaves."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import row_id
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import pushes
from apps.hq import forms
from apps.hq.access import actor_of
from apps.hq.pages.wizard import frame
from apps.outreach import scripts
from apps.outreach.models import MessageTemplate
from apps.stores.models import Posting


def page(request: HttpRequest, push: TaskPush) -> HttpResponse:
    if _picks(request):
        form = forms.WhatForm(initial=_picked(request, push), kept_coupon_id=push.coupon_id)
    elif request.method == "POST":
        form = forms.WhatForm(request.POST, kept_coupon_id=push.coupon_id)
        if form.is_valid():
            pushes.update_push(push=push, actor=actor_of(request), **form.cleaned_data)
            return frame.go_on(request, push, frame.WHAT)
    else:
        form = forms.WhatForm(initial=_initial(push), kept_coupon_id=push.coupon_id)
    body = form["body"].value() or ""
    return frame.page(
        request,
        push,
        frame.WHAT,
        "hq/wizard/what.html",
        form=form,
        variables=" ".join(f"{{{name}}}" for name in scripts.VARIABLES),
        preview=_preview(body),
    )


def _picks(request: HttpRequest) -> bool:
    """A script was chosen from the library, nothing is to be kept yet."""
    return "pick" in request.POST and bool(row_id(request.POST.get("template", "")))


def _initial(push: TaskPush) -> dict[str, Any]:
    return {
        "title": push.title,
        "template": push.template_id,
        "body": push.body,
        "generic_body": push.generic_body,
        "asset": push.asset_id,
        "coupon": push.coupon_id,
        "result_tags": list(push.result_tags.values_list("pk", flat=True)),
    }


def _picked(request: HttpRequest, push: TaskPush) -> dict[str, Any]:
    """The draft with the texts of the script just picked."""
    found = {**_initial(push), "title": request.POST.get("title") or push.title}
    template = MessageTemplate.objects.filter(pk=row_id(request.POST["template"])).first()
    if template is None:
        return found
    return {
        **found,
        "template": template,
        "body": template.body,
        "generic_body": template.generic_body,
        "asset": template.asset_id,
    }


def _preview(body: str) -> str:
    """The text with nothing known about the customer: the least anybody will read."""
    posted = Posting.objects.on(clock.today()).select_related("guide", "store").first()
    sender = {"导购": posted.guide.name, "门店": posted.store.name} if posted else {}
    try:
        return scripts.render(body, sender) if body else ""
    except DomainError:
        return ""
