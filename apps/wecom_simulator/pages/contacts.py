"""A friend's details on the guide's phone: remark, tags, deleting; a transfer on the friend's."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from .. import actions
from ..host import current
from ..oauth import as_person, find_customers
from ..phones import SHOWN_PHONES, base_context, clock, guide_row, name_of, person, then
from ..world import Row, World

BY_MOBILE = 2  # add_way


def _friend(world: World, userid: str, external_userid: str) -> Row:
    follow: Row | None = world.contacts_of(userid).get(external_userid)
    if follow is None:
        raise Http404("They are not friends.")
    return follow


def details(request: HttpRequest, userid: str, external_userid: str) -> HttpResponse:
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        follow = _friend(world, userid, external_userid)
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


def profile(request: HttpRequest, userid: str, external_userid: str) -> HttpResponse:
    """A friend's profile with the app's page below it, as the client shows it there."""
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        follow = _friend(world, userid, external_userid)
        name = world.customers[external_userid]["name"]
        context = base_context(
            host, guide["name"], userid=userid, external_userid=external_userid, title="客户资料",
            customer=person(name, external_userid), remark=follow["remark"],
            sidebar=world.corp["sidebar_url"],
            back=f"/phone/guide/{userid}/chat/{external_userid}/",
        )  # fmt: skip
    return as_person(render(request, "profile.html", context), f"guide:{userid}")


def colleague(request: HttpRequest, userid: str, colleague: str) -> HttpResponse:
    """A member of the corp as a colleague sees them."""
    host = current()
    with host.lock:
        world = host.world
        guide, other = guide_row(world, userid), guide_row(world, colleague)
        names = [world.departments.get(str(one), {}).get("name", "") for one in other["department"]]
        context = base_context(
            host, guide["name"], userid=userid, colleague=person(other["name"], colleague),
            departments="、".join(filter(None, names)), position=other["position"], title="同事",
            back=f"/phone/guide/{userid}/",
        )  # fmt: skip
    return as_person(render(request, "profile.html", context), f"guide:{userid}")


def add(request: HttpRequest, userid: str) -> HttpResponse:
    """添加客户: somebody new by name, or a customer who is no friend yet."""
    host = current()
    with host.lock:
        guide_row(host.world, userid)
        mine = host.world.contacts_of(userid)
        found = find_customers(host.world, request.GET.get("q", ""), SHOWN_PHONES + len(mine))
    if request.method == "POST":
        names = ("name", "external_userid")
        data: Row = {name: request.POST[name] for name in names if request.POST.get(name)}
        data |= {"userid": userid, "add_way": BY_MOBILE}
        return then(request, actions.add_guide, data, f"/phone/guide/{userid}/")
    strangers = [row for row in found if row["external_userid"] not in mine][:SHOWN_PHONES]
    context = {"customers": strangers, "heading": "添加客户", "verb": "添加"}
    return as_person(render(request, "scan.html", context), f"guide:{userid}")


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
