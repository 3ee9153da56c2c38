"""微信 on the customer's phone: chats, groups, SMS, hand-overs to refuse."""

from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from .. import actions
from ..host import current
from ..oauth import as_person
from ..phones import base_context, bubbles, person, sms_rows, then
from .contacts import waiting_transfers
from .groups import groups_of_customer


def phone(request: HttpRequest, external_userid: str) -> HttpResponse:
    """Chats with guides and groups, links that can be tapped."""
    host = current()
    with host.lock:
        world, now = host.world, host.now()
        if external_userid not in world.customers:
            raise Http404("No such customer.")
        who = f"customer:{external_userid}"
        friends = [
            {
                **person(row["name"], row["userid"]),
                "userid": row["userid"],
                "deleted": row["deleted"],
                "messages": [
                    bubble
                    for bubble in bubbles(world, external_userid, row["userid"], now, who)
                    if not bubble["refused"]
                ],
            }
            for row in actions.customer_phone(world, external_userid)["friends"]
        ]
        customer = world.customers[external_userid]
        name, mobile = customer["name"], str(customer.get("mobile", ""))
        chosen = request.GET.get("with", "")
        friends.sort(key=lambda row: (row["userid"] != chosen, not row["messages"]))
        context = base_context(
            host, name, friends=friends, external_userid=external_userid, title="微信", back="/",
            me=person(name, external_userid), mobile=mobile,
            texts=sms_rows(world, mobile, now, who) if mobile else [],
            groups=groups_of_customer(world, external_userid, now),
            transfers=waiting_transfers(world, external_userid),
        )  # fmt: skip
    return as_person(render(request, "customer.html", context), who)


@require_POST
def part(request: HttpRequest, external_userid: str) -> HttpResponse:
    """The customer deletes a guide."""
    data = {
        "by": "customer",
        "external_userid": external_userid,
        "userid": request.POST.get("userid"),
    }
    return then(request, actions.end_follow, data, f"/phone/customer/{quote(external_userid)}/")


@require_POST
def refuse(request: HttpRequest, external_userid: str) -> HttpResponse:
    """The customer stays with whom they know."""
    data = {"external_userid": external_userid, "takeover": request.POST.get("takeover")}
    here = f"/phone/customer/{quote(external_userid)}/"
    return then(request, actions.refuse_transfer, data, here)
