"""Codes and links a customer can use, all of the corp in one list; and uploaded pictures."""

import re
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET

from .. import actions
from ..actions import ActionError
from ..host import Host, current
from ..oauth import as_person, find_customers
from ..phones import SHOWN_PHONES, base_context
from ..world import Row, World

SHOWN = 100
MOST_CHANNEL = 64
LOW_QUOTA = 20


def camera(request: HttpRequest, external_userid: str) -> HttpResponse:
    """扫一扫: every code there is, as if it hung on the wall in front of this customer."""
    host = current()
    with host.lock:
        world = host.world
        if external_userid not in world.customers:
            raise Http404("No such customer.")
        name, query = world.customers[external_userid]["name"], request.GET.get("q", "")
        rows = [row for row in _codes(world) if query in row["name"] or query in row["line"]]
        context = base_context(host, name, codes=rows[:SHOWN], query=query)
        context.update(
            external_userid=external_userid, title="扫一扫",
            back=f"/phone/customer/{external_userid}/",
        )  # fmt: skip
    return as_person(render(request, "camera.html", context), f"customer:{external_userid}")


def _codes(world: World) -> list[Row]:
    def names(userids: list[str]) -> str:
        return "、".join(str(world.users.get(u, {}).get("name", u)) for u in userids[:3])

    ways = [
        {"action": f"/qr/{way['config_id']}/", "name": way["remark"] or names(way["user"]),
         "line": f"加好友 {names(way['user'])} {way['state']}"}
        for way in world.ways.values()
    ]  # fmt: skip
    groups = [
        {"action": f"/group-code/{way['config_id']}/", "name": way["remark"] or "群码",
         "line": f"进群 {way['state']}"}
        for way in world.group_ways.values()
    ]  # fmt: skip
    links = [
        {"action": f"/ca/{link['link_id']}", "name": link["link_name"], "line": "获客链接"}
        for link in world.links.values()
    ]
    return [*reversed(ways), *reversed(groups), *reversed(links)]


def acquisition(request: HttpRequest, link_id: str) -> HttpResponse:
    """获客链接: opening it counts as a click, adding uses up one of the quota."""
    host = current()
    link = host.world.links.get(link_id)
    if link is None:
        return render(request, "refused.html", {"reason": "链接已失效"}, status=404)
    channel = (
        request.GET.get("customer_channel", "").encode()[:MOST_CHANNEL].decode(errors="ignore")
    )
    if request.method == "POST":
        try:
            ident = _came(host, link, channel, request)
        except ActionError as error:
            return render(request, "refused.html", {"reason": str(error)}, status=409)
        return HttpResponseRedirect(f"/phone/customer/{ident}/")
    with host.transaction():
        host.commit("link_clicked", link_id=link_id)
        found = find_customers(host.world, request.GET.get("q", ""), SHOWN_PHONES)
    context = {"customers": found, "heading": "谁点开了这个链接", "verb": "加好友"}
    return render(request, "scan.html", context)


def _came(host: Host, link: Row, channel: str, request: HttpRequest) -> str:
    with host.transaction() as world:
        if world.quota["balance"] <= 0:
            raise ActionError("获客额度已用完。")
        people = _members(world, link)
        if not people:
            raise ActionError("这个链接没有可以添加的员工。")
        data: dict[str, Any] = {"userid": host.chance.choice(people), "state": channel}
        for name in ("name", "external_userid"):
            if request.POST.get(name):
                data[name] = request.POST[name]
        known = world.follows.get(str(data.get("external_userid")), {})
        mine = [userid for userid in people if userid in known]
        if mine:
            return str(data["external_userid"])
        ident = str(actions.add_guide(host, data)["external_userid"])
        customer = {"external_userid": ident, "userid": data["userid"], "state": channel}
        host.commit("link_customer", link_id=link["link_id"], customer=customer)
        _tell_of_quota(host)
        return ident


def _tell_of_quota(host: Host) -> None:
    """Told when the line is crossed, not with each customer below it."""
    left = host.world.quota["balance"]
    change = {LOW_QUOTA - 1: "balance_low", 0: "balance_exhausted"}.get(left)
    if change:
        host.queue_event({"Event": "customer_acquisition", "ChangeType": change})


def _members(world: World, link: Row) -> list[str]:
    """Members of the link's range who still work here."""
    wanted = link.get("range") or {}
    found = dict.fromkeys(wanted.get("user_list") or [])
    for department in wanted.get("department_list") or []:
        inside = set(world.department_tree(str(department)))
        for user in world.users.values():
            if inside & {str(item) for item in user["department"]}:
                found[user["userid"]] = None
    return [userid for userid in found if userid in world.users and userid not in world.left_users]


@require_GET
def picture(request: HttpRequest, media_id: str) -> FileResponse:
    """An uploaded picture, for the pages of the phones and as `uploadimg`'s address."""
    host = current()
    row = host.world.media.get(media_id)
    if row is None or row["kind"] != "image" or not re.fullmatch(r"sim_media_[0-9a-f]+", media_id):
        raise Http404("No such picture.")
    kind = "image/png" if row["name"].lower().endswith("png") else "image/jpeg"
    return FileResponse((host.state_dir / "media" / media_id).open("rb"), content_type=kind)
