"""One turn of the loop against the running demo, through the doors people use.

Every stage holds what should be there, from the poster's and the simulator's own records, against
what the product's pages show. Nothing here reads the product's tables.
"""

import re
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apps.hq.demo.phones import Phones
from apps.hq.loop.cast import (
    Cast,
    Customer,
    make_cast,
    make_friends,
    post_members,
    post_old_orders,
    post_order,
)
from apps.hq.loop.doors import DoorClosed, Till, Visitor
from apps.hq.loop.pages import Page

_WAIT_SECONDS = 150  # longer than the lease of a worker that died, and the sweep after it
_PAUSE_SECONDS = 0.5
_YUAN_BOUGHT = 1299
_MIN_CONTROL, _MIN_ISSUED = 1, 8


@dataclass(frozen=True)
class Stage:
    name: str
    expected: Any
    actual: Any

    @property
    def ok(self) -> bool:
        return bool(self.expected == self.actual)


def wait_for(read: Callable[[], Any], wanted: Any) -> Any:
    """Read again until it is what is wanted or time is up; the last reading either way."""
    until = time.monotonic() + _WAIT_SECONDS
    while (found := read()) != wanted and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
    return found


def _last_number(words: str) -> int:
    numbers = re.findall(r"\d[\d,]*", words)
    return int(numbers[-1].replace(",", "")) if numbers else 0


@dataclass
class Turn:
    """The state of one run. `tell` hears every stage as it ends."""

    base_url: str
    phones: Phones
    till: Till
    login: tuple[str, str]
    tell: Callable[[Stage], None]
    stages: list[Stage] = field(default_factory=list)
    push_path: str = ""
    control: list[Customer] = field(default_factory=list)
    issued: list[Customer] = field(default_factory=list)
    buyer: Customer | None = None
    walk_in: Customer | None = None
    lost: Customer | None = None
    unsuited: Customer | None = None

    def __post_init__(self) -> None:
        self.hq = Visitor(self.base_url)
        self.guide_pages: dict[str, Visitor] = {}
        self.task_paths: dict[str, str] = {}
        self.cast: Cast = make_cast(self.phones)

    def play(self) -> list[Stage]:
        """All stages in order. Raises DoorClosed when a page does not let the loop go on."""
        self.prepare()
        for stage in (
            self.segment,
            self.hand_out,
            self.notice,
            self.organic_purchase,
            self.contact,
            self.deliver,
            self.engage,
            self.purchase,
            self.control_stage,
            self.timeline,
            self.next_step,
            self.result,
        ):
            stage()
        return self.stages

    def note(self, name: str, *, expected: Any, actual: Any) -> None:
        stage = Stage(name, expected, actual)
        self.stages.append(stage)
        self.tell(stage)

    # --- before: fresh people, known to the mall, the till and WeCom ---

    def prepare(self) -> None:
        now = datetime.now(UTC)
        page = self.hq.get("/admin/login/")
        user, password = self.login
        self.hq.submit(page, page.form("username"), username=user, password=password)
        post_members(self.cast, self.till, now)
        post_old_orders(self.cast, self.till, now)
        make_friends(self.cast, self.phones)
        # the friendships arrive by callback: a greeting on the guides' lists says they are known
        for userid in self.cast.guides:
            friends = [one for one in self.cast.friends if one.userid == userid]
            found = wait_for(partial(self._greeted, userid, friends), len(friends))
            if found != len(friends):
                raise DoorClosed(f"{userid} sees {found} of {len(friends)} new friends to greet")

    def _greeted(self, userid: str, friends: list[Customer]) -> int:
        """Who of them is on the guide's list of today."""
        text = self.guide(userid).get("/g/").text
        return sum(one.name in text for one in friends)

    def guide(self, userid: str) -> Visitor:
        """A guide's phone: a tap on the notice card signs in by WeCom, without a password."""
        if userid not in self.guide_pages:
            visitor = Visitor(self.base_url)
            words = urllib.parse.urlencode({"as": f"guide:{userid}", "url": f"{self.base_url}/g/"})
            visitor.get(f"{self.phones.base_url}/open?{words}")
            self.guide_pages[userid] = visitor
        return self.guide_pages[userid]

    # --- 1, 2: head office picks and hands out ---

    def _rule(self) -> list[tuple[str, str]]:
        """Silent, of 华东, spent exactly the run's amount."""
        return [
            ("node", "l:0"), ("f:0", "stage"), ("was:0", "stage"), ("o:0", "in"),
            ("v:0", "silent"),
            ("node", "l:1"), ("f:1", "net_fen"), ("was:1", "net_fen"), ("o:1", "between"),
            ("v:1", str(self.cast.yuan)), ("w:1", str(self.cast.yuan)),
        ]  # fmt: skip

    def segment(self) -> None:
        """The wizard's first step counts the segment and says who cannot be reached and why."""
        pushes = self.hq.get("/admin/pushes/kinds/")
        page = self.hq.submit(pushes, pushes.form("/pushes/new/"))
        draft = re.search(r"/admin/pushes/\d+/", page.url)
        if draft is None:
            raise DoorClosed(f"{page.url}: no draft was made")
        self.push_path = draft[0]
        page = self.hq.send(page, page.form("save_as"), [*self._rule(), ("next", "1")])
        strangers = sum(not one.userid for one in self.cast.customers)
        unwilling = sum(not one.consents for one in self.cast.customers)
        self.note(
            "segment",
            expected={
                "counted": len(self.cast.customers),
                "no_consent": unwilling,
                "not_friend": strangers,
            },
            actual={
                "counted": page.number("planned"),
                "no_consent": page.number("refused.no_consent"),
                "not_friend": page.number("refused.not_friend"),
            },
        )

    @staticmethod
    def _reason(page: Page, code: str) -> int:
        """The count behind the link of a reason; 0 when the page does not name it."""
        for address, words in page.links:
            if address.rstrip("/").endswith(code):
                return _last_number(words)
        return 0

    def hand_out(self) -> None:
        """What, by whom and when, what counts, control group, check: then the forecast is held
        against what the result page shows."""
        page = self._say_when(self._say_what())
        self.hq.submit(
            page, page.form("window_days"), window_days=7, follow_up_days=0, button=("next", "1")
        )
        page = self._choose_control()
        forecast = {
            "planned": page.number("planned"),
            "control": page.number("control"),
            "issued": page.number("issued"),
        }
        page = self.hq.submit(page, page.form_with_button("hand_out"), button=("hand_out", "1"))
        if "confirmed" in page.fields():
            # a greeting changed somebody's place meanwhile: look, go on
            page = self.hq.submit(page, page.form_with_button("hand_out"), button=("hand_out", "1"))
        page = self.hq.get(self.push_path)
        reachable = len(self.cast.reachable)
        self.note(
            "hand_out",
            expected={
                "planned": len(self.cast.customers),
                "not_issued": len(self.cast.customers) - reachable,
                "reachable": reachable,
                "as_forecast": forecast,
            },
            actual={
                "planned": page.number("planned"),
                "not_issued": page.number("not_issued"),
                "reachable": page.number("control") + page.number("issued"),
                "as_forecast": {
                    "planned": page.number("planned"),
                    "control": page.number("control"),
                    "issued": page.number("issued"),
                },
            },
        )

    def _say_what(self) -> Page:
        page = self.hq.get(f"{self.push_path}step/2/")
        form = page.form("generic_body")
        asset = next(value for value, _words in form.choices["asset"] if value)
        return self.hq.submit(
            page,
            form,
            title=f"闭环 {self.cast.run}",
            body="{称呼}您好，我是{门店}的{导购}，您上次带走的{上次购买}穿着还喜欢吗？",
            generic_body="您好，我是{门店}的{导购}，店里到了一批秋冬新靴。",
            asset=asset,
            button=("next", "1"),
        )

    def _say_when(self, page: Page) -> Page:
        """At once, and round the clock: a run may begin at any hour."""
        due = datetime.now(UTC) + timedelta(days=2, hours=8)
        return self.hq.submit(
            page,
            page.form("hand_out_from"),
            hand_out_at="",
            due_at=f"{due:%Y-%m-%dT%H:%M}",
            hand_out_from="00:00",
            hand_out_until="23:59",
            contact_from="00:00",
            contact_until="23:59",
            button=("next", "1"),
        )

    def _choose_control(self) -> Page:
        """Twenty per cent, or as much as it takes to hold somebody out in so small a push."""
        for share in (20, 40, 60, 10):
            page = self.hq.get(f"{self.push_path}step/5/")
            page = self.hq.submit(page, page.form("share"), share=share, button=("next", "1"))
            if page.number("control") >= _MIN_CONTROL and page.number("issued") >= _MIN_ISSUED:
                return page
        raise DoorClosed("no control share leaves somebody on both sides; run it again")

    # --- 3: the card on the phone, the guide's list ---

    def notice(self) -> None:
        """Each guide with a share gets one card; who is on no guide's list was held out."""
        for userid in self.cast.guides:
            rows = self._rows(userid)
            self.issued += [one for one in self.cast.reachable if one.name in rows]
        self.control = [one for one in self.cast.reachable if one not in self.issued]
        wanted = dict.fromkeys(sorted({one.userid for one in self.issued}), 1)

        def cards() -> dict[str, int]:
            return {
                userid: sum(
                    self.cast.run in f"{card['title']}{card['description']}"
                    for card in self.phones.get(f"/sim/phones/guides/{userid}")["notices"]
                )
                for userid in wanted
            }

        page = self.hq.get(self.push_path)
        self.note(
            "notice",
            expected={"cards": wanted, "issued": len(self.issued), "control": len(self.control)},
            actual={
                "cards": wait_for(cards, wanted),
                "issued": page.number("issued"),
                "control": page.number("control"),
            },
        )

    def _task_path(self, userid: str) -> str:
        """The guide's page of this push: 今日 → a card of it → the whole task. Remembered."""
        if userid in self.task_paths:
            return self.task_paths[userid]
        visitor = self.guide(userid)
        mine = False
        for address, words in visitor.get("/g/").links:
            mine = mine or self.cast.run in words
            if mine and "/g/tasks/" in address:
                self.task_paths[userid] = address.partition("?")[0]
                return self.task_paths[userid]
            if mine and "/g/targets/" in address:
                self.task_paths[userid] = visitor.get(address).link("/g/tasks/")
                return self.task_paths[userid]
        raise DoorClosed(f"{userid}: today's page leads to no task of {self.cast.run}")

    def _rows(self, userid: str) -> dict[str, str]:
        """The customers on the guide's page of this push: name → what the row says."""
        page = self.guide(userid).get(self._task_path(userid))
        return {
            one.name: words
            for one in self.cast.customers
            for address, words in page.links
            if one.name in words and "/g/targets/" in address
        }

    def _target(self, one: Customer) -> str:
        page = self.guide(one.userid).get(self._task_path(one.userid))
        return next(
            address
            for address, words in page.links
            if one.name in words and "/g/targets/" in address
        )

    # --- 5: somebody buys before anybody wrote ---

    def organic_purchase(self) -> None:
        """A customer walks in and buys: nobody has to write to them any more."""
        self.walk_in, self.unsuited, self.lost, self.buyer = (
            self.issued[0], self.issued[1], self.issued[2], self.issued[3],
        )  # fmt: skip
        post_order(self.cast, self.till, self.walk_in, paid_at=datetime.now(UTC), yuan=_YUAN_BOUGHT)
        page = self.hq.get(self.push_path)
        self.note(
            "organic_purchase",
            expected={"bought_without_contact": 1, "delivered": 0},
            actual={
                "bought_without_contact": self._reason(page, "excuse.bought_without_contact"),
                "delivered": self._reason(page, "grade.3"),
            },
        )

    # --- 3, 4: the guides act ---

    def contact(self) -> None:
        """One 不适用 with a reason, a note, one personal text; the rest by one text for all."""
        assert self.unsuited
        assert self.buyer
        self._excuse(self.unsuited)
        self._note_on(self.buyer)
        visitor = self.guide(self.buyer.userid)
        page = visitor.get(self._target(self.buyer))
        visitor.submit(page, page.form("/send/"))
        for userid in sorted({one.userid for one in self.issued}):
            visitor = self.guide(userid)
            page = visitor.get(f"{self._task_path(userid)}?way=all")
            try:
                form = page.form("/send/")
            except LookupError:
                continue  # everybody of this guide is written to or excused already
            visitor.submit(page, form)
        wanted = len(self.issued) - 2
        found = wait_for(lambda: len(self._receivers()), wanted)
        page = self.hq.get(self.push_path)
        self.note(
            "contact",
            expected={"asked_wecom_for": wanted, "waiting_for_proof": found, "delivered": 0},
            actual={
                "asked_wecom_for": found,
                "waiting_for_proof": self._reason(page, "state.to_verify"),
                "delivered": self._reason(page, "grade.3"),
            },
        )

    def _excuse(self, one: Customer) -> None:
        visitor = self.guide(one.userid)
        page = visitor.get(f"{self._target(one)}not-suitable/")
        visitor.submit(page, page.form_with_button("reason"), button=("reason", "moved_away"))

    def _note_on(self, one: Customer) -> None:
        visitor = self.guide(one.userid)
        page = visitor.get(f"/g/customers/{one.public_id}/note/")
        visitor.submit(page, page.form("body"), body=f"穿 37 码 {self.cast.run}")

    def _mass_sends(self) -> list[tuple[str, dict[str, Any]]]:
        """The simulator's mass sends to people of this run: who sends, and the send."""
        ids = {one.external_userid for one in self.issued}
        return [
            (userid, send)
            for userid in sorted({one.userid for one in self.issued})
            for send in self.phones.get("/sim/sends", userid=userid)["sends"]
            if ids & {row["external_userid"] for row in send["receivers"]}
        ]

    def _receivers(self) -> list[str]:
        """Everybody of this run whom WeCom was asked to write to; a name twice would be an
        error."""
        ids = {one.external_userid for one in self.issued}
        return [
            row["external_userid"]
            for _userid, send in self._mass_sends()
            for row in send["receivers"]
            if row["external_userid"] in ids
        ]

    # --- 4: WeCom proves it ---

    def deliver(self) -> None:
        """One customer deletes the guide first; then both guides confirm on their phones."""
        assert self.lost
        self.phones.post(
            "/sim/follows/delete",
            by="customer",
            userid=self.lost.userid,
            external_userid=self.lost.external_userid,
        )
        for userid, send in self._mass_sends():
            self.phones.post("/sim/sends/confirm", userid=userid, msgid=send["msgid"])
        ids = {one.external_userid: one for one in self.issued}
        statuses = [
            row["status"]
            for _userid, send in self._mass_sends()
            for row in send["receivers"]
            if row["external_userid"] in ids
        ]
        wanted = {"delivered": statuses.count(1), "not_friend": statuses.count(2)}

        def seen() -> dict[str, int]:
            page = self.hq.get(self.push_path)
            return {
                "delivered": self._reason(page, "grade.3"),
                "not_friend": self._reason(page, "excuse.not_friend"),
            }

        self.note("deliver", expected=wanted, actual=wait_for(seen, wanted))
        # rules run every few seconds: what follows must not depend on whether they ran in between
        buyer = self.buyer
        assert buyer
        wait_for(lambda: self._has_work(buyer, "follow_up"), True)

    # --- 5: outcomes ---

    def _link_of(self, one: Customer) -> str:
        messages = self.phones.get(f"/sim/phones/customers/{one.external_userid}")["messages"]
        for message in reversed(messages):
            found = re.search(rf"{re.escape(self.base_url)}/l/[\w-]+/?", message["text"])
            if found:
                return found[0]
        raise DoorClosed(f"no link in the messages of {one.external_userid}")

    def engage(self) -> None:
        """The customer taps the link in the message, twice; once is what counts."""
        assert self.buyer
        link = self._link_of(self.buyer)
        for _tap in range(2):
            self.phones.post("/sim/links/tap", external_userid=self.buyer.external_userid, url=link)
        actual = wait_for(lambda: self._reason(self.hq.get(self.push_path), "outcome.engaged"), 1)
        self.note("engage", expected=1, actual=actual)

    def purchase(self) -> None:
        """The till reports an order of a delivered customer (twice, as tills do)."""
        assert self.buyer
        post_order(
            self.cast,
            self.till,
            self.buyer,
            paid_at=datetime.now(UTC),
            yuan=_YUAN_BOUGHT,
            userid=self.buyer.userid,
        )
        page = self.hq.get(self.push_path)
        self.note(
            "purchase",
            expected={"buyers": 2, "net_fen": 2 * _YUAN_BOUGHT * 100, "completed_by_it": 0},
            actual={
                "buyers": page.number("treated.buyers"),
                "net_fen": page.number("treated.net_fen"),
                "completed_by_it": page.number("done") - self._reason(page, "grade.3"),
            },
        )

    def control_stage(self) -> None:
        """A held-out customer buys: the control's figures change, nothing else does."""
        before = self.hq.get(self.push_path)
        watched = ("planned", "control", "issued", "not_issued", "done", "excused", "open")
        post_order(
            self.cast, self.till, self.control[0], paid_at=datetime.now(UTC), yuan=_YUAN_BOUGHT
        )
        after = self.hq.get(self.push_path)
        self.note(
            "control",
            expected={
                "control_buyers": 1,
                "control_net_fen": _YUAN_BOUGHT * 100,
                "treated_buyers": 2,
                "others": [before.number(name) for name in watched],
            },
            actual={
                "control_buyers": after.number("control.buyers"),
                "control_net_fen": after.number("control.net_fen"),
                "treated_buyers": after.number("treated.buyers"),
                "others": [after.number(name) for name in watched],
            },
        )

    # --- 7, 8: the record grows, the next step is decided ---

    def _story(self, one: Customer) -> dict[str, int]:
        """The kinds of event on the member's page in the admin, counted."""
        page = self.hq.get(f"/admin/members/{one.public_id}/")
        return dict(page.kinds)

    def timeline(self) -> None:
        """Everything this run did to the buyer stands on one timeline.

        Two pieces of work (the greeting and this push), two orders, both taps, one delivery after
        one start.
        """
        assert self.buyer
        buyer = self.buyer
        wanted = {
            "friend.added": 1,
            "order.placed": 2,
            "task.issued": 4,
            "contact.graded": 2,
            "task.done": 1,
            "outcome.engaged": 2,
            "outcome.purchased": 3,
            "note.added": 1,
        }

        def seen() -> dict[str, int]:
            story = self._story(buyer)
            return {kind: story.get(kind, 0) for kind in wanted}

        self.note("timeline", expected=wanted, actual=wait_for(seen, wanted))

    def next_step(self) -> None:
        """Every outcome has a next step on a guide's list.

        Delivered and no order → a follow-up for the guide; bought → care planned for day 3, and
        out of the segment; new friends stand on the guides' lists to be greeted.
        """
        assert self.buyer
        assert self.walk_in
        silent = [
            one
            for one in self.issued
            if one not in (self.buyer, self.walk_in, self.unsuited, self.lost)
        ]
        wanted = {
            "follow_ups": len(silent),
            "care": 2,
            "left_segment": len(self.control[:1]) + 2,
        }

        def seen() -> dict[str, int]:
            return {
                "follow_ups": sum(self._has_work(one, "follow_up") for one in silent),
                "care": sum(
                    self._has_work(one, "care") for one in (self.buyer, self.walk_in) if one
                ),
                "left_segment": len(self.cast.customers) - self._segment_size(),
            }

        self.note("next_step", expected=wanted, actual=wait_for(seen, wanted))

    def _has_work(self, one: Customer, kind: str) -> bool:
        page = self.hq.get(f"/admin/members/{one.public_id}/?tab=tasks")
        return page.kinds.get(f"push.{kind}", 0) == 1

    def _segment_size(self) -> int:
        """The live count of the same rule, now."""
        page = self.hq.get("/admin/segments/new/")
        form = page.form("op:")
        page = self.hq.send(page, form, [*self._rule(), ("recount", "1")])
        return page.number("segment.count")

    def result(self) -> None:
        """The identities hold, and every customer was written to at most once."""
        page = self.hq.get(self.push_path)
        place = {
            name: page.number(name)
            for name in (
                "planned", "not_issued", "control", "issued", "done", "open", "expired", "excused",
            )
        }  # fmt: skip
        messages = [
            sum(
                message["msgid"] in {send["msgid"] for _userid, send in self._mass_sends()}
                for message in self.phones.get(f"/sim/phones/customers/{one.external_userid}")[
                    "messages"
                ]
            )
            for one in self.cast.friends
        ]
        delivered = len(self.issued) - 3
        self.note(
            "result",
            expected={
                "planned": len(self.cast.customers),
                "sum_planned": place["planned"],
                "sum_issued": place["issued"],
                "done": delivered,
                "excused": 3,
                "messages": delivered,
                "most_to_one": 1,
            },
            actual={
                "planned": place["planned"],
                "sum_planned": place["not_issued"] + place["control"] + place["issued"],
                "sum_issued": place["done"] + place["open"] + place["expired"] + place["excused"],
                "done": place["done"],
                "excused": place["excused"],
                "messages": sum(messages),
                "most_to_one": max(messages),
            },
        )
