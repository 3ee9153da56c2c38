"""What WeCom knows: plain JSON-able state, changed only by `apply`, so a journal can replay it."""

from dataclasses import dataclass, field, fields
from typing import Any

from .parts import Acquisition, AppChats, Bulk, Cards, Groups, Moments, Transfers

Row = dict[str, Any]

DEFAULT_SWITCHES: Row = {
    "ignore_sender": False,  # a task goes to whoever talked last, whatever `sender` says
    "month_cap": None,  # None: as many as the month has days
    "week_cap": None,
    "day_cap": None,
    "calls_per_minute": 10_000,  # of one API; fifteen times as many an hour
    "calls_at_once": None,  # of the corp, of all APIs together; more answer -1
    "disuse_days": None,  # an app without a good call for so many days answers 48006
    "concurrent_reads": None,  # of one API at once; more answer 45033
    "bad_secrets_block": 50,  # wrong secrets within an hour that block the address for it
    "contact_ways_most": 500_000,
    "acquisition_links_most": 1000,
    "group_welcomes_most": 100,
    "moment_jobs_most": None,  # of a day; more answer 41078
    "moment_dispatch_s": 0,  # seconds during which a new post is told of as being made, 41079
    "picture_side_most": None,  # pixels of a picture for moments; more answer 41081
    "departments_most": None,  # in one answer; five times as many where ids alone are asked for
    "mobile_edits_told": False,  # whether a remark's number alone is told as an edit
    "welcome_delivery_s": 0,  # seconds during which another app's welcome answers 41096
    "no_welcome_code": False,  # as if a welcome were set in the admin site
    "behavior_from_hour": 8,  # a day's figures are there from this hour of the next day on
    "group_most_members": 200,  # a full group's code leads to the next one
    "listing_lag_s": 0,  # seconds during which a new mass send answers 41063 in the listing
}


@dataclass
class World(Groups, Transfers, Acquisition, Moments, Bulk, Cards, AppChats):
    """State and the one function per kind of change."""

    corp: Row = field(default_factory=dict)
    callback_targets: list[Row] = field(default_factory=list)
    clock_offset: float = 0.0
    switches: Row = field(default_factory=lambda: dict(DEFAULT_SWITCHES))
    departments: dict[str, Row] = field(default_factory=dict)
    users: dict[str, Row] = field(default_factory=dict)
    customers: dict[str, Row] = field(default_factory=dict)
    follows: dict[str, dict[str, Row]] = field(default_factory=dict)  # customer -> member -> follow
    follow_count: int = 0
    tag_groups: dict[str, Row] = field(default_factory=dict)
    ways: dict[str, Row] = field(default_factory=dict)
    welcomes: dict[str, Row] = field(default_factory=dict)
    sends: dict[str, Row] = field(default_factory=dict)
    notices: dict[str, Row] = field(default_factory=dict)
    messages: dict[str, list[Row]] = field(default_factory=dict)  # customer -> messages
    tokens: dict[str, Row] = field(default_factory=dict)
    tickets: dict[str, Row] = field(default_factory=dict)
    codes: dict[str, Row] = field(default_factory=dict)
    user_tickets: dict[str, Row] = field(default_factory=dict)
    media: dict[str, Row] = field(default_factory=dict)
    events: dict[str, Row] = field(default_factory=dict)  # callbacks not finished yet
    deliveries: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    last_used: dict[str, float] = field(default_factory=dict)  # app -> its last good call
    sms: dict[str, Row] = field(default_factory=dict)  # by the sender's key
    behavior: dict[str, Row] = field(default_factory=dict)  # "member:day" -> told figures

    def __post_init__(self) -> None:
        self.people_version = 0
        self.switches = {**DEFAULT_SWITCHES, **self.switches}
        self.customers_of: dict[str, dict[str, Row]] = {}
        self.sends_of: dict[str, list[str]] = {}
        self.notices_of: dict[str, list[str]] = {}
        self.received: dict[str, list[float]] = {}
        self.user_names: dict[str, str] = {userid.lower(): userid for userid in self.users}
        for external_userid, follows in self.follows.items():
            for userid, follow in follows.items():
                self.customers_of.setdefault(userid, {})[external_userid] = follow
        for send in self.sends.values():
            self._index_send(send)
        for notice in self.notices.values():
            self._index_notice(notice)
        self.start_bulk()

    def dump(self) -> Row:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def apply(self, op: str, at: float, args: Row) -> None:
        getattr(self, "on_" + op)(at, **args)

    # settings

    def on_corp(self, at: float, corp: Row) -> None:
        self.corp = corp

    def on_callback_targets(self, at: float, targets: list[Row]) -> None:
        self.callback_targets = targets

    def on_clock(self, at: float, offset: float) -> None:
        self.clock_offset = offset

    def on_switches(self, at: float, **switches: Any) -> None:
        self.switches.update(switches)

    # sessions

    def on_token(self, at: float, token: str, app: str, expires_at: float) -> None:
        self.tokens[token] = {"app": app, "expires_at": expires_at, "dead": 0}
        for old in [key for key, row in self.tokens.items() if row["expires_at"] < at - 86400]:
            del self.tokens[old]

    def on_tokens_killed(self, at: float, errcode: int) -> None:
        for row in self.tokens.values():
            row["dead"] = row["dead"] or errcode

    def on_ticket(self, at: float, ticket: str, kind: str, app: str, expires_at: float) -> None:
        self.tickets[ticket] = {"kind": kind, "app": app, "expires_at": expires_at}

    def on_tickets_killed(self, at: float) -> None:
        """Revoked before their end; they stay known, so a page signed with one is told why."""
        for row in self.tickets.values():
            row["dead"] = True

    def on_code(self, at: float, code: str, **row: Any) -> None:
        self.codes[code] = {**row, "used": False}

    def on_code_used(self, at: float, code: str) -> None:
        self.codes[code]["used"] = True

    def on_user_ticket(self, at: float, ticket: str, **row: Any) -> None:
        self.user_tickets[ticket] = row

    # people

    def on_seed(
        self, at: float, departments: list[Row], users: list[Row], customers: list[Row]
    ) -> None:
        self.people_version += 1
        for department in departments:
            self.departments[str(department["id"])] = department
        for user in users:
            self.users[user["userid"]] = user
            self.user_names[user["userid"].lower()] = user["userid"]
            self.left_users.pop(user["userid"], None)
        for customer in customers:
            follows = customer.pop("follows")
            self.customers[customer["external_userid"]] = customer
            for follow in follows:
                self._put_follow(customer["external_userid"], follow)

    def on_department_deleted(self, at: float, ident: str) -> None:
        self.people_version += 1
        self.departments.pop(ident, None)

    def department_tree(self, root: str) -> list[str]:
        """A department and everything under it."""
        below: dict[str, list[str]] = {}
        for ident, row in self.departments.items():
            below.setdefault(str(row["parentid"]), []).append(ident)
        found = [root] if root in self.departments else []
        for parent in found:
            found.extend(below.get(parent, []))
        return found

    def on_user_left(self, at: float, userid: str) -> None:
        self.people_version += 1
        super().on_user_left(at, userid)

    def on_customer(self, at: float, customer: Row) -> None:
        self.customers[customer["external_userid"]] = customer

    def on_follow(self, at: float, external_userid: str, follow: Row, customer: Row | None) -> None:
        if customer is not None:
            self.customers[external_userid] = customer
        self._put_follow(external_userid, follow)

    def _put_follow(self, external_userid: str, follow: Row) -> None:
        follows = self.follows.setdefault(external_userid, {})
        known = follows.get(follow["userid"])
        if known is None:
            self.follow_count += 1
        number = known["n"] if known else self.follow_count
        row = {**follow, "n": number}
        follows[follow["userid"]] = row
        self.customers_of.setdefault(follow["userid"], {})[external_userid] = row

    def on_follow_edited(self, at: float, userid: str, external_userid: str, fields: Row) -> None:
        self.follows[external_userid][userid].update(fields)

    def on_follow_ended(self, at: float, by: str, userid: str, external_userid: str) -> None:
        if by == "customer":
            self.follows[external_userid][userid]["deleted_by_customer_at"] = at
            return
        del self.follows[external_userid][userid]
        del self.customers_of[userid][external_userid]

    # tags, contact ways, welcomes

    def on_tag_group(self, at: float, group: Row) -> None:
        self.tag_groups[group["group_id"]] = group

    def on_tags_deleted(self, at: float, tag_ids: list[str], group_ids: list[str]) -> None:
        gone = set(tag_ids)
        for group_id in group_ids:
            group = self.tag_groups.pop(group_id, None)
            gone.update(tag["id"] for tag in (group or {"tag": []})["tag"])
        for group in list(self.tag_groups.values()):
            group["tag"] = [tag for tag in group["tag"] if tag["id"] not in gone]
            if not group["tag"]:
                del self.tag_groups[group["group_id"]]
        for follows in self.follows.values():
            for follow in follows.values():
                follow["tag_ids"] = [tag for tag in follow["tag_ids"] if tag not in gone]

    def on_way(self, at: float, way: Row) -> None:
        self.ways[way["config_id"]] = way

    def on_way_deleted(self, at: float, config_id: str) -> None:
        self.ways.pop(config_id, None)

    def on_welcome(self, at: float, code: str, **row: Any) -> None:
        self.welcomes[code] = {**row, "used": False}

    def on_welcome_used(self, at: float, code: str, app: str = "") -> None:
        self.welcomes[code].update(used=True, used_at=at, used_by=app)

    # mass sends and messages

    def _index_send(self, send: Row) -> None:
        for userid in send["tasks"]:
            self.sends_of.setdefault(userid, []).append(send["msgid"])
        for external_userid, receiver in send["receivers"].items():
            if receiver["status"] == 1:
                self.received.setdefault(external_userid, []).append(receiver["send_time"])

    def on_send(self, at: float, send: Row) -> None:
        self.sends[send["msgid"]] = send
        self._index_send(send)

    def on_send_confirmed(
        self, at: float, msgid: str, userid: str, results: dict[str, int]
    ) -> None:
        send = self.sends[msgid]
        send["tasks"][userid].update(status=2, send_time=at)
        for external_userid, status in results.items():
            send["receivers"][external_userid].update(status=status, send_time=at)
            if status == 1:
                self.received.setdefault(external_userid, []).append(at)
                arrive = self.on_group_message if send["chat_type"] == "group" else self.on_message
                arrive(at, external_userid, {
                    "userid": userid, "from": userid, "text": send["text"],
                    "attachments": send["attachments"], "msgid": msgid, "via": "mass_send",
                })  # fmt: skip

    def on_send_ignored(self, at: float, msgid: str, userid: str) -> None:
        self.sends[msgid]["tasks"][userid]["ignored"] = True

    def on_send_cancelled(self, at: float, msgid: str) -> None:
        self.sends[msgid]["cancelled_at"] = at

    def on_send_reminded(self, at: float, msgid: str) -> None:
        self.sends[msgid]["reminds"].append(at)

    def on_message(self, at: float, external_userid: str, message: Row) -> None:
        self.messages.setdefault(external_userid, []).append({"at": at, **message})

    def _index_notice(self, notice: Row) -> None:
        for userid in notice["userids"]:
            self.notices_of.setdefault(userid, []).append(notice["msgid"])

    def on_notice(self, at: float, notice: Row) -> None:
        self.notices[notice["msgid"]] = {"at": at, "recalled": False, "seen": [], **notice}
        self._index_notice(notice)

    def on_notice_recalled(self, at: float, msgid: str) -> None:
        self.notices[msgid]["recalled"] = True

    def on_notices_seen(self, at: float, userid: str) -> None:
        for msgid in self.notices_of.get(userid, []):
            if userid not in self.notices[msgid]["seen"]:
                self.notices[msgid]["seen"].append(userid)

    def on_media(self, at: float, media_id: str, **row: Any) -> None:
        self.media[media_id] = row

    # daily figures beside those counted from chats

    def on_behavior(self, at: float, userid: str, day: str, figures: Row) -> None:
        self.behavior[f"{userid}:{day}"] = figures

    # SMS

    def on_sms(self, at: float, key: str, phone: str, text: str) -> None:
        self.sms.setdefault(key, {"at": at, "phone": phone, "text": text})

    # callbacks and the log

    def on_event(self, at: float, event: Row) -> None:
        self.events[event["id"]] = event

    def on_event_done(self, at: float, event_id: str) -> None:
        self.events.pop(event_id, None)

    def on_delivery(self, at: float, delivery: Row) -> None:
        self.deliveries.append({"at": at, **delivery})

    def on_call(self, at: float, call: Row) -> None:
        self.calls.append(call)
        if call["errcode"] == 0 and call["app"]:
            self.last_used[call["app"]] = at

    def on_app_used(self, at: float, app: str) -> None:
        self.last_used[app] = at
