"""Customer groups on the phones of members and of customers, and the code that leads into one."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from .. import actions
from ..actions import ActionError
from ..host import current
from ..oauth import as_person, find_customers
from ..phones import (
    SHOWN_PHONES,
    attachment_view,
    base_context,
    clock,
    entry_of,
    guide_row,
    linked,
    name_of,
    person,
    then,
)
from ..world import Row, World

SHOWN_MESSAGES = 60
SHOWN_FRIENDS = 100


def group_list(request: HttpRequest, userid: str) -> HttpResponse:
    """客户群 of a member, and a form to make another of one's friends."""
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        rows = [
            {
                **person(group["name"] or "未命名的群", group["chat_id"]),
                "href": f"/phone/guide/{userid}/groups/{group['chat_id']}/",
                "line": f"{len(group['members'])} 人"
                + ("，我是群主" if group["owner"] == userid else ""),
            }
            for group in world.groups_with(userid)
        ]
        friends = [
            {"external_userid": ident, "name": name_of(world, ident)}
            for ident in list(world.contacts_of(userid))[:SHOWN_FRIENDS]
        ]
        context = base_context(host, guide["name"], rows=rows, friends=friends, userid=userid)
        context.update(title="客户群", back=f"/phone/guide/{userid}/")
    return as_person(render(request, "groups.html", context), f"guide:{userid}")


@require_POST
def create(request: HttpRequest, userid: str) -> HttpResponse:
    data = {
        "userid": userid, "name": request.POST.get("name", ""),
        "external_userids": request.POST.getlist("external_userid"),
    }  # fmt: skip
    return then(request, actions.create_group, data, f"/phone/guide/{userid}/groups/")


def group_page(request: HttpRequest, userid: str, chat_id: str) -> HttpResponse:
    """One group: who is in it, what was said, and what its owner may do."""
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        group = _living(world, chat_id, userid)
        people = [
            {**person(name_of(world, ident), ident), "ident": ident,
             "owner": ident == group["owner"], "customer": row["type"] == actions.groups.CUSTOMER}
            for ident, row in group["members"].items()
        ]  # fmt: skip
        context = base_context(
            host, guide["name"], userid=userid, group=group, people=people,
            mine=group["owner"] == userid, messages=_messages(world, group, userid, host.now()),
            title=f"{group['name'] or '未命名的群'}（{len(people)}）",
            back=f"/phone/guide/{userid}/groups/", sidebar=world.corp["sidebar_url"],
            entry=entry_of(request, "group_chat_tools"),
        )  # fmt: skip
    return as_person(render(request, "group.html", context), f"guide:{userid}")


def _living(world: World, chat_id: str, ident: str) -> Row:
    group = world.groups.get(chat_id)
    if group is None or group["dismissed_at"] or ident not in group["members"]:
        raise Http404("No such group.")
    return group


def _messages(world: World, group: Row, ident: str, now: float) -> list[Row]:
    who = f"{'guide' if ident in world.users else 'customer'}:{ident}"
    return [
        {**person(name_of(world, row["from"]), row["from"]), "own": row["from"] == ident,
         "html": linked(row["text"], who), "time": clock(row["at"], now),
         "mass": row.get("via") == "mass_send",
         "attachments": [attachment_view(item, who) for item in row["attachments"]]}
        for row in group["messages"][-SHOWN_MESSAGES:]
    ]  # fmt: skip


@require_POST
def act(request: HttpRequest, userid: str, chat_id: str) -> HttpResponse:
    """Rename, remove, dismiss, write: what the pressed button says."""
    here, what = f"/phone/guide/{userid}/groups/{chat_id}/", request.POST.get("do")
    data: Row = {"chat_id": chat_id}
    if what == "rename":
        data["name"] = request.POST.get("name", "")
        return then(request, actions.edit_group, data, here)
    if what == "remove":
        data.update(external_userid=request.POST.get("ident"), removed=True)
        return then(request, actions.leave_group, data, here)
    if what == "dismiss":
        return then(request, actions.dismiss_group, data, f"/phone/guide/{userid}/groups/")
    data.update({"from": userid, "text": request.POST.get("text", "").strip()})
    return then(request, actions.say_in_group, data, here)


def groups_of_customer(world: World, external_userid: str, now: float) -> list[Row]:
    """What the customer's phone shows of the groups they are in."""
    return [
        {"chat_id": group["chat_id"], "name": group["name"] or "未命名的群",
         "count": len(group["members"]), "messages": _messages(world, group, external_userid, now)}
        for group in world.groups_with(external_userid)
    ]  # fmt: skip


@require_POST
def customer_act(request: HttpRequest, external_userid: str, chat_id: str) -> HttpResponse:
    here, data = f"/phone/customer/{external_userid}/", {"chat_id": chat_id}
    if request.POST.get("do") == "leave":
        data["external_userid"] = external_userid
        return then(request, actions.leave_group, data, here)
    data.update({"from": external_userid, "text": request.POST.get("text", "").strip()})
    return then(request, actions.say_in_group, data, here)


def scan(request: HttpRequest, config_id: str) -> HttpResponse:
    """A group's code: somebody scans it and is in."""
    host = current()
    if config_id not in host.world.group_ways:
        raise Http404("No such code.")
    if request.method == "POST":
        data = {"config_id": config_id}
        for name in ("name", "external_userid"):
            if request.POST.get(name):
                data[name] = request.POST[name]
        try:
            ident = actions.join_group(host, data)["ident"]
        except ActionError as error:
            return render(request, "refused.html", {"reason": str(error)}, status=409)
        return HttpResponseRedirect(f"/phone/customer/{ident}/")
    with host.lock:
        found = find_customers(host.world, request.GET.get("q", ""), SHOWN_PHONES)
    context = {"customers": found, "heading": "谁扫了这个群码", "verb": "进群"}
    return render(request, "scan.html", context)
