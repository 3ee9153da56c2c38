"""The pages: phones to choose from, a guide's phone, a customer's phone."""

import re
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from . import actions, corps
from .actions import CHINA, ActionError
from .host import Host, current
from .oauth import as_person, find_customers, find_guides
from .world import Row, World

STATIC_DIR = Path(__file__).parent / "static"
LINK = re.compile(r"https?://[^\s<>\"'，。；！？、）】]+")
TINTS = 6
SHOWN_CHATS = 60
SHOWN_PHONES = 30
STATIC_TYPES = {".css": "text/css", ".js": "application/javascript", ".svg": "image/svg+xml"}


def clock(at: float, now: float) -> str:
    """As a chat list shows it: time today, 昨天, then the date."""
    moment, today = (datetime.fromtimestamp(item, CHINA) for item in (at, now))
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    if moment.date() == (today - timedelta(days=1)).date():
        return "昨天"
    return f"{moment.month}月{moment.day}日"


def tint(name: str) -> int:
    return zlib.crc32(name.encode()) % TINTS


def person(name: str, ident: str) -> Row:
    return {"name": name, "initial": name[:1] or "?", "tint": tint(ident)}


def linked(text: str, who: str) -> SafeString:
    """Text with tappable links; a tap opens them as the holder of this phone."""
    parts: list[tuple[SafeString]] = []
    place = 0
    for match in LINK.finditer(text):
        parts.append((format_html("{}", text[place : match.start()]),))
        href = open_as(match.group(), who)
        parts.append((format_html('<a href="{}">{}</a>', href, match.group()),))
        place = match.end()
    parts.append((format_html("{}", text[place:]),))
    return format_html_join("", "{}", parts)


def open_as(url: str, who: str) -> str:
    return f"/open?as={quote(who)}&url={quote(url, safe='')}" if url else ""


def card_text(description: str) -> SafeString:
    """A card's description: its few allowed marks as marks, all else as text."""
    lines = re.split(r"<br\s*/?>|\n|(?=<div)|</div>", description)
    shown = []
    for line in lines:
        match = re.match(r'<div class="(gray|highlight|normal)">(.*)', line, re.DOTALL)
        style, text = match.groups() if match else ("normal", line)
        if text.strip():
            shown.append((style, text.strip()))
    return format_html_join("", '<p class="{}">{}</p>', shown)


def attachment_view(item: Row, who: str) -> Row:
    kind = item.get("msgtype", "")
    inner = item.get(kind) or {}
    words = {
        "link": "链接",
        "miniprogram": "小程序",
        "image": "图片",
        "video": "视频",
        "file": "文件",
    }
    return {
        "kind": kind,
        "word": words.get(kind, kind),
        "title": inner.get("title") or words.get(kind, kind),
        "desc": inner.get("desc", ""),
        "href": open_as(inner.get("url", ""), who) if kind == "link" else "",
        "picture": f"/media/{inner.get('media_id')}" if kind == "image" else "",
        "cover": f"/media/{inner['media_id']}" if kind == "link" and inner.get("media_id") else "",
    }


def base_context(host: Host, owner: str, **more: Any) -> Row:
    now = datetime.fromtimestamp(host.now(), CHINA)
    return {"owner": owner, "time": f"{now:%H:%M}", **more}


def home(request: HttpRequest) -> HttpResponse:
    """Whose phone do you want to hold?"""
    host = current()
    query = request.GET.get("q", "")
    with host.lock:
        guides = find_guides(host.world, query, SHOWN_PHONES)
        customers = find_customers(host.world, query, SHOWN_PHONES)
        for row in guides:
            row.update(
                person(row["name"], row["userid"]), waiting=_waiting(host.world, row["userid"])
            )
        for row in customers:
            row.update(person(row["name"], row["external_userid"]))
        context = {
            "query": query, "guides": guides, "customers": customers, "corp": host.world.corp,
            "corps": [each.world.corp for each in corps.every()] if corps.others() else [],
            "all_guides": len(host.world.users), "all_customers": len(host.world.customers),
        }  # fmt: skip
    return render(request, "home.html", context)


def _waiting(world: World, userid: str) -> int:
    unseen = sum(
        1
        for msgid in world.notices_of.get(userid, [])
        if userid not in world.notices[msgid]["seen"]
    )
    return unseen + len(_pending(world, userid))


def _pending(world: World, userid: str) -> list[Row]:
    sends = [world.sends[msgid] for msgid in world.sends_of.get(userid, [])]
    return [send for send in sends if actions.is_pending(send, userid)]


def guide_row(world: World, userid: str) -> Row:
    if userid not in world.users:
        raise Http404("No such member.")
    return world.users[userid]


def guide_phone(request: HttpRequest, userid: str) -> HttpResponse:
    """消息: the app's notices, the mass-send helper, chats."""
    host = current()
    with host.lock:
        world, now = host.world, host.now()
        guide = guide_row(world, userid)
        notices = [world.notices[m] for m in world.notices_of.get(userid, [])]
        pending = _pending(world, userid)
        rows = []
        if notices:
            last = notices[-1]
            rows.append({
                "href": f"/phone/guide/{userid}/notices/", "icon": "task",
                "name": _app_name(world, last), "text": _notice_line(last),
                "badge": sum(1 for n in notices if userid not in n["seen"]),
                "at": last["at"],
            })  # fmt: skip
        mine = [world.sends[m] for m in world.sends_of.get(userid, [])]
        if mine:
            rows.append({
                "href": f"/phone/guide/{userid}/sends/", "icon": "send", "name": "群发助手",
                "text": _send_line(pending, mine[-1], userid), "badge": len(pending),
                "at": mine[-1]["create_time"],
            })  # fmt: skip
        posts = [moment for moment in world.moments.values() if userid in moment["tasks"]]
        if posts:
            rows.append({
                "href": f"/phone/guide/{userid}/moments/", "icon": "send", "name": "客户朋友圈",
                "text": posts[-1]["text"], "at": posts[-1]["create_time"],
                "badge": sum(1 for post in posts if post["tasks"][userid] is None),
            })  # fmt: skip
        rows.sort(key=lambda row: row["at"], reverse=True)
        for row in actions.chats_of(world, userid, limit=SHOWN_CHATS):
            rows.append({
                **person(row["name"], row["external_userid"]), "friend": True, "at": row["at"],
                "text": row["text"], "badge": 0,
                "href": f"/phone/guide/{userid}/chat/{row['external_userid']}/",
            })  # fmt: skip
        for row in rows:
            row["at"] = clock(row["at"], now)
        context = base_context(host, guide["name"], rows=rows, userid=userid, title="消息")
    return as_person(render(request, "guide.html", context), f"guide:{userid}")


def _app_name(world: World, notice: Row) -> str:
    name: str = world.corp["agents"].get(notice["app"], {}).get("name", "应用")
    return name


def _notice_line(notice: Row) -> str:
    if notice["recalled"]:
        return "消息已撤回"
    return str(notice.get("title") or notice.get("content") or "")


def _send_line(pending: list[Row], last: Row, userid: str) -> str:
    if pending:
        return f"有 {len(pending)} 条消息等你确认发送"
    receivers = [row for row in last["receivers"].values() if row["userid"] == userid]
    return f"已发送给 {sum(1 for row in receivers if row['status'] == 1)} 位客户"


def notices(request: HttpRequest, userid: str) -> HttpResponse:
    """The app's messages, oldest first; a card opens signed in."""
    host = current()
    with host.transaction() as world:
        guide = guide_row(world, userid)
        now, who = host.now(), f"guide:{userid}"
        shown = [world.notices[m] for m in world.notices_of.get(userid, [])][-40:]
        if any(userid not in notice["seen"] for notice in shown):
            host.commit("notices_seen", userid=userid)
        cards = [
            {
                **card,
                "time": clock(card["at"], now),
                "text": card_text(card.get("description") or ""),
                "content_html": linked(card.get("content", ""), who),
                "href": open_as(card.get("url", ""), who),
                "shown": [attachment_view(item, who) for item in card.get("attachments", [])],
                "questions": [_question(row, card) for row in card.get("questions") or []],
            }
            for card in (actions.card_of(notice, userid) for notice in shown)
        ]
        app = _app_name(world, shown[-1]) if shown else "应用消息"
        context = base_context(host, guide["name"], cards=cards, userid=userid, title=app)
        context["back"] = f"/phone/guide/{userid}/"
    return as_person(render(request, "notices.html", context), who)


def _question(question: Row, card: Row) -> Row:
    """One question of a card, with what is chosen in it."""
    chosen = card["chosen"].get(question["key"], question["chosen"])
    options = [{**option, "on": option["id"] in chosen} for option in question["options"]]
    return {**question, "options": options}


@require_POST
def click_card(request: HttpRequest, userid: str) -> HttpResponse:
    data: Row = {name: request.POST.get(name) for name in ("msgid", "key")}
    names = [name for name in request.POST if name.startswith("q:")]
    selected = {name.removeprefix("q:"): request.POST.getlist(name) for name in names}
    data |= {"userid": userid, "selected": selected}
    return then(request, actions.click_card, data, f"/phone/guide/{userid}/notices/")


def sends(request: HttpRequest, userid: str) -> HttpResponse:
    """群发助手: what waits for confirmation on top, then what went out."""
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        mine = [world.sends[m] for m in world.sends_of.get(userid, [])]
        rows = [_send_view(world, send, userid, host.now()) for send in reversed(mine)]
        rows.sort(key=lambda row: not row["pending"])
        context = base_context(host, guide["name"], rows=rows[:60], userid=userid, title="群发助手")
        context["back"] = f"/phone/guide/{userid}/"
    return as_person(render(request, "sends.html", context), f"guide:{userid}")


def _send_view(world: World, send: Row, userid: str, now: float) -> Row:
    mine = {i: row for i, row in send["receivers"].items() if row["userid"] == userid}
    to_groups = send["chat_type"] == "group"
    known = world.groups if to_groups else world.customers
    people = [
        {**person(known[i]["name"] or "未命名的群", i), "status": row["status"]}
        for i, row in mine.items()
        if i in known
    ]
    task = send["tasks"][userid]
    return {
        "msgid": send["msgid"],
        "text": send["text"],
        "attachments": [attachment_view(item, f"guide:{userid}") for item in send["attachments"]],
        "time": clock(send["create_time"], now),
        "people": people,
        "count": len(mine),
        "unit": "个客户群" if to_groups else "位客户",
        "sent": sum(1 for row in mine.values() if row["status"] == 1),
        "pending": actions.is_pending(send, userid),
        "ignored": task["ignored"],
        "cancelled": bool(send["cancelled_at"]) and task["status"] == 0,
        "personal": send["create_type"] == 1,
        "reminded": len(send["reminds"]),
    }


def send_page(request: HttpRequest, userid: str, msgid: str) -> HttpResponse:
    """One mass send with 确认发送 and 暂不发送, or what became of it."""
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        send = world.sends.get(msgid)
        if send is None or userid not in send["tasks"]:
            raise Http404("No such mass send.")
        row = _send_view(world, send, userid, host.now())
        context = base_context(host, guide["name"], send=row, userid=userid, title="群发助手")
        context["cap"] = _cap_sentence(world)
        context["back"] = f"/phone/guide/{userid}/sends/"
    return as_person(render(request, "send.html", context), f"guide:{userid}")


def _cap_sentence(world: World) -> str:
    if world.switches["day_cap"] is not None:
        return f"每位客户每天最多收到 {world.switches['day_cap']} 条群发。"
    if world.switches["month_cap"] is not None:
        return f"每位客户每月最多收到 {world.switches['month_cap']} 条群发。"
    return "每位客户每月收到的群发条数不超过当月天数。"


def name_of(world: World, ident: str) -> str:
    """A member or a customer by name."""
    row = world.users.get(ident) or world.customers.get(ident) or {}
    return str(row.get("name", ident))


def replies_of(world: World, moment_id: str, userid: str) -> list[Row]:
    """Likes and comments below one member's copy of a post."""
    return [
        {
            "kind": row["kind"],
            "text": row["text"],
            "name": name_of(world, row["by"]),
        }
        for row in world.moment_replies.get(moment_id, [])
        if row["userid"] == userid
    ]


def moments(request: HttpRequest, userid: str) -> HttpResponse:
    """客户朋友圈: posts of the corp to publish with one tap, and those that are published."""
    host = current()
    with host.lock:
        guide = guide_row(host.world, userid)
        mine = [row for row in host.world.moments.values() if userid in row["tasks"]]
        rows = [
            {
                "moment_id": row["moment_id"],
                "text": row["text"],
                "time": clock(row["create_time"], host.now()),
                "pending": row["tasks"][userid] is None and not row.get("cancelled_at"),
                "published": row["tasks"][userid] is not None,
                "attachments": [
                    attachment_view(item, f"guide:{userid}") for item in row["attachments"]
                ],
                "replies": replies_of(host.world, row["moment_id"], userid),
            }
            for row in reversed(mine)
        ]
        context = base_context(
            host, guide["name"], rows=rows[:60], userid=userid, title="客户朋友圈"
        )
        context["back"] = f"/phone/guide/{userid}/"
    return as_person(render(request, "moments.html", context), f"guide:{userid}")


@require_POST
def publish(request: HttpRequest, userid: str, moment_id: str) -> HttpResponse:
    data = {"userid": userid, "moment_id": moment_id}
    return then(request, actions.publish_moment, data, f"/phone/guide/{userid}/moments/")


@require_POST
def confirm(request: HttpRequest, userid: str, msgid: str) -> HttpResponse:
    data = {"userid": userid, "msgid": msgid}
    return then(request, actions.confirm_send, data, f"/phone/guide/{userid}/sends/{msgid}/")


@require_POST
def ignore(request: HttpRequest, userid: str, msgid: str) -> HttpResponse:
    data = {"userid": userid, "msgid": msgid}
    return then(request, actions.ignore_send, data, f"/phone/guide/{userid}/sends/")


def then(request: HttpRequest, action: Any, data: Row, onward: str) -> HttpResponse:
    try:
        action(current(), data)
    except ActionError as error:
        return render(request, "refused.html", {"reason": str(error), "back": onward}, status=409)
    return HttpResponseRedirect(onward)


def chat(request: HttpRequest, userid: str, external_userid: str) -> HttpResponse:
    """The chat of a guide with a customer, and the product's sidebar beside it."""
    host = current()
    with host.lock:
        world = host.world
        guide = guide_row(world, userid)
        follow = world.follows.get(external_userid, {}).get(userid)
        if follow is None:
            raise Http404("They are not friends.")
        customer = world.customers[external_userid]
        context = base_context(
            host, guide["name"], userid=userid, external_userid=external_userid,
            customer=person(customer["name"], external_userid), title=customer["name"],
            remark=follow["remark"], me=person(guide["name"], userid),
            messages=bubbles(world, external_userid, userid, host.now(), f"guide:{userid}"),
            sidebar=world.corp["sidebar_url"], back=f"/phone/guide/{userid}/",
            entry=entry_of(request, "single_chat_tools"),
        )  # fmt: skip
    return as_person(render(request, "chat.html", context), f"guide:{userid}")


def entry_of(request: HttpRequest, toolbar: str) -> str:
    """Where the app's page was opened: in the toolbar beside the chat, or from 附件栏."""
    return "chat_attachment" if request.GET.get("entry") == "chat_attachment" else toolbar


def bubbles(world: World, ident: str, userid: str, now: float, who: str) -> list[Row]:
    mine = [m for m in world.messages.get(ident, []) if m["userid"] == userid]
    return [
        {
            "own": message["from"] == who.partition(":")[2],
            "html": linked(message["text"], who),
            "attachments": [attachment_view(item, who) for item in message["attachments"]],
            "time": clock(message["at"], now),
            "via": message["via"],
            "refused": message.get("refused", False),
            "system": message["via"] == "system",
        }
        for message in mine[-60:]
    ]


@require_POST
def say(request: HttpRequest, userid: str, external_userid: str) -> HttpResponse:
    """Either of the two types a message."""
    speaker = "customer" if request.POST.get("from") == "customer" else "guide"
    data = {
        "userid": userid, "external_userid": external_userid, "from": speaker,
        "text": request.POST.get("text", "").strip(),
    }  # fmt: skip
    onward = f"/phone/guide/{userid}/chat/{external_userid}/"
    if speaker == "customer":
        onward = f"/phone/customer/{external_userid}/?with={quote(userid)}"

    def act(host: Host, row: Row) -> Row:
        return actions.chat_message(host, row, via="typed")

    return then(request, act, data, onward)


def sms_rows(world: World, mobile: str, now: float, who: str) -> list[Row]:
    return [
        {**row, "html": linked(row["text"], who), "time": clock(row["at"], now)}
        for row in actions.sms_of(world, mobile)
    ]


def sms(request: HttpRequest) -> HttpResponse:
    """短信 of every phone, newest first: also of people who are nobody's WeCom friend yet."""
    host = current()
    with host.lock:
        rows = sms_rows(host.world, "", host.now(), "")
        context = base_context(host, "", texts=rows, title="短信", back="/")
    return render(request, "sms.html", context)


def scan(request: HttpRequest, config_id: str) -> HttpResponse:
    """A 联系我 code: somebody scans it and adds the guide."""
    host = current()
    if config_id not in host.world.ways:
        raise Http404("No such code.")
    if request.method == "POST":
        return _scanned(request, host, config_id)
    with host.lock:
        query = request.GET.get("q", "")
        found = find_customers(host.world, query, SHOWN_PHONES)
        context = {
            "query": query, "customers": found, "heading": "谁扫了这个码", "verb": "加好友",
        }  # fmt: skip
    return render(request, "scan.html", context)


def _scanned(request: HttpRequest, host: Host, config_id: str) -> HttpResponse:
    data = {"config_id": config_id, "name": request.POST.get("name") or None}
    data["external_userid"] = request.POST.get("external_userid") or None
    try:
        ident = actions.add_guide(host, data)["external_userid"]
    except ActionError as error:
        return render(request, "refused.html", {"reason": str(error)}, status=409)
    return HttpResponseRedirect(f"/phone/customer/{ident}/")


AVATAR = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><rect width="80" height="80" '
    'fill="#E6EDF7"/><text x="40" y="52" font-size="34" text-anchor="middle" fill="#234a7d">'
    "{}</text></svg>"
)


def avatar(request: HttpRequest, userid: str) -> HttpResponse:
    name = current().world.users.get(userid, {}).get("name", "?")
    return HttpResponse(format_html(AVATAR, name[:1]), content_type="image/svg+xml")


@require_GET
def static(request: HttpRequest, name: str) -> FileResponse:
    """The few files of these pages."""
    path = STATIC_DIR / name
    if not path.is_file() or path.suffix not in STATIC_TYPES:
        raise Http404("No such file.")
    response = FileResponse(
        path.open("rb"), content_type=f"{STATIC_TYPES[path.suffix]}; charset=utf-8"
    )
    response["Cache-Control"] = "no-cache"
    return response


def jssdk_script(request: HttpRequest) -> FileResponse:
    return static(request, "wecom.js")
