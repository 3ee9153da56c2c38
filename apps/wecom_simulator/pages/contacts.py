"""A friend's details on the guide's phone: remark, tags, deleting; a transfer on the friend's."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from .. import actions
from ..host import current
from ..oauth import as_person
from ..phones import base_context, clock, guide_row, name_of, person, then
from ..world import Row, World


def details(request: HttpRequest, userid: str, external_userid: str) -> HttpResponse:
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        follow = world.contacts_of(userid).get(external_userid)
        if follow is None:
            raise Http404("They are not friends.")
        customer = world.customers[external_userid]
        groups = [
            {"name": group["group_name"], "tags": [
                {**tag, "on": tag["id"] in follow["tag_ids"]} for tag in group["tag"]
            ]}
            for group in world.tag_groups.values()
        ]  # fmt: skip
        context = base_context(
            host, guide["name"], userid=userid, external_userid=external_userid, follow=follow,
            customer=person(customer["name"], external_userid), groups=groups, title="客户详情",
            since=clock(follow["createtime"], host.now()),
            back=f"/phone/guide/{userid}/chat/{external_userid}/",
        )  # fmt: skip
    return as_person(render(request, "details.html", context), f"guide:{userid}")


@require_POST
def edit(request: HttpRequest, userid: str, external_userid: str) -> HttpResponse:
    """保存, or 删除客户."""
    pair = {"userid": userid, "external_userid": external_userid}
    if request.POST.get("do") == "delete":
        data = {**pair, "by": "guide"}
        return then(request, actions.end_follow, data, f"/phone/guide/{userid}/")
    fields = {
        "remark": request.POST.get("remark", "")[:20],
        "description": request.POST.get("description", "")[:150],
        "tag_ids": request.POST.getlist("tag"),
    }
    here = f"/phone/guide/{userid}/chat/{external_userid}/details/"
    return then(request, actions.edit_follow, {**pair, **fields}, here)


def waiting_transfers(world: World, external_userid: str) -> list[Row]:
    """Hand-overs this customer may still refuse."""
    return [
        {"userid": row["takeover"], "handover": name_of(world, row["handover"]),
         "takeover": name_of(world, row["takeover"])}
        for row in world.waiting_transfers()
        if row["external_userid"] == external_userid
    ]  # fmt: skip
