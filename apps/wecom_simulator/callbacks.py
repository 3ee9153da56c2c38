"""Signed and encrypted callbacks, sent in the background: 5 s, three retries, no guarantee."""

import heapq
import logging
import secrets
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import requests

from . import crypto
from .world import Row

if TYPE_CHECKING:
    from .host import Host

log = logging.getLogger(__name__)

TIMEOUT_MS = 5_000
URL_CHECK_TIMEOUT_S = 1
RETRY_AFTER_MS = 1_000  # then twice as long, and twice again
MOST_RETRIES = 3
NO_FAULTS: Row = {
    # of the next so many events
    "drop": 0, "duplicate": 0, "reorder": 0, "delay": 0,
    # of every event, with this chance
    "drop_share": 0.0, "duplicate_share": 0.0, "reorder_share": 0.0, "delay_share": 0.0,
    # how long a delay is, and how far an event out of order may slip behind
    "delay_ms": 0, "spread_ms": 1000,
    # how long an answer may take, and how soon the first retry comes: short for a test
    "timeout_ms": TIMEOUT_MS, "retry_after_ms": RETRY_AFTER_MS,
}  # fmt: skip
MOST_SENDERS = 64
CONTACT_SYNC = {"change_contact", "batch_job_result"}
HEADERS = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}


def event_xml(corp_id: str, created: int, fields: Row) -> str:
    """The clear text of an event: numbers bare, texts in CDATA."""
    parts = [_node("ToUserName", corp_id)]
    rest = dict(fields)
    parts.append(_node("FromUserName", rest.pop("FromUserName", "sys")))
    parts.append(f"<CreateTime>{created}</CreateTime>")
    parts.append(_node("MsgType", "event"))
    parts.extend(_node(name, value) for name, value in rest.items())
    return f"<xml>{''.join(parts)}</xml>"


def _node(name: str, value: object) -> str:
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    if isinstance(value, dict):  # a list in it is one node after the other
        inside = [(tag, one) for tag, many in value.items()
                  for one in (many if isinstance(many, list) else [many])]  # fmt: skip
        return f"<{name}>{''.join(_node(tag, one) for tag, one in inside)}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(_node('Item', item) for item in value)}</{name}>"
    text = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{text}]]></{name}>"


def envelope(target: Row, corp_id: str, clear: str, *, now: int) -> tuple[str, bytes]:
    """Signed query string and body of one POST."""
    encrypted = crypto.encrypt(target["aes_key"], clear, corp_id)
    nonce, timestamp = str(secrets.randbelow(10**10)), str(now)
    signature = crypto.callback_signature(target["token"], timestamp, nonce, encrypted)
    query = urlencode({"msg_signature": signature, "timestamp": timestamp, "nonce": nonce})
    agent = f"<AgentID><![CDATA[{target['agentid']}]]></AgentID>" if target.get("agentid") else ""
    body = (
        f"<xml><ToUserName><![CDATA[{escape(corp_id)}]]></ToUserName>{agent}"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )
    return query, body.encode()


def receives(target: Row, fields: Row) -> bool:
    """Who is told: contact changes go to the addresses of contact sync alone, what an app's own
    user does to that app's address, everything else to every app's."""
    about_contacts = fields.get("Event") in CONTACT_SYNC
    if bool(target.get("contacts")) != about_contacts:
        return False
    agent = str(fields.get("AgentID", ""))
    return not agent or target.get("agentid") in (None, "", agent)


def check_url(target: Row, corp_id: str, *, now: int) -> str:
    """What WeCom does when the settings are saved. Returns what is wrong, or an empty string."""
    clear = str(secrets.randbelow(10**19))
    encrypted = crypto.encrypt(target["aes_key"], clear, corp_id)
    nonce, timestamp = str(secrets.randbelow(10**10)), str(now)
    query = urlencode({
        "msg_signature": crypto.callback_signature(target["token"], timestamp, nonce, encrypted),
        "timestamp": timestamp, "nonce": nonce, "echostr": encrypted,
    })  # fmt: skip
    try:
        answer = requests.get(f"{target['url']}?{query}", timeout=URL_CHECK_TIMEOUT_S)
    except requests.RequestException as error:
        return f"no answer within {URL_CHECK_TIMEOUT_S} s ({type(error).__name__})"
    if answer.status_code != 200:
        return f"answered HTTP {answer.status_code}"
    return "" if answer.content == clear.encode() else "the answer is not the decrypted echostr"


class CallbackSender:
    """A queue by due time. One thread keeps the order unless a retry or a fault upsets it; more
    threads (`set_senders`) storm the product from several sides, as the real host does."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.faults: Row = dict(NO_FAULTS)
        self._queue: list[tuple[float, int, Row]] = []
        self._held: list[Row] = []
        self._number = 0
        self._busy = 0
        self._senders = 1
        self._stopped = False
        self._changed = threading.Condition()
        self._mine = threading.local()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin with what an earlier life of this host had not finished."""
        for event in list(self.host.world.events.values()):
            self._schedule(event, 0)
        self.set_senders(1)

    def set_senders(self, number: int) -> int:
        """How many events may be on their way at once."""
        with self._changed:
            self._senders = max(1, min(number, MOST_SENDERS))
            for place in range(len(self._threads), self._senders):
                name = f"callbacks-{place}"
                thread = threading.Thread(target=self._run, args=(place,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()
            return self._senders

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._queue.clear()
            self._held.clear()
            self.faults.update(NO_FAULTS)

    def set_faults(self, faults: Row) -> None:
        with self._changed:
            self.faults.update(faults)

    def put(self, event: Row) -> None:
        """Take a new event, with whatever is to go wrong with it."""
        with self._changed:
            if self._take("drop"):
                self._schedule({**event, "drop": True}, 0)
                return
            copies = 2 if self._take("duplicate") else 1
            delay = self.faults["delay_ms"] / 1000 if self._take("delay") else 0
            if self.faults["reorder"] > 0:
                self.faults["reorder"] -= 1
                self._held.append(event)
                if self.faults["reorder"] == 0:
                    self._release()
                return
            if self._chosen("reorder"):
                delay += self.host.chance.random() * self.faults["spread_ms"] / 1000
            for _ in range(copies):
                self._schedule(event, delay)

    def _take(self, name: str) -> bool:
        if self.faults[name] <= 0:
            return self._chosen(name)
        self.faults[name] -= 1
        return True

    def _chosen(self, name: str) -> bool:
        share = self.faults[f"{name}_share"]
        return bool(share and self.host.chance.random() < share)

    def _release(self) -> None:
        held, self._held = self._held, []
        for event in reversed(held):
            self._schedule(event, 0)

    def _schedule(self, event: Row, delay: float) -> None:
        with self._changed:
            self._number += 1
            heapq.heappush(self._queue, (time.monotonic() + delay, self._number, event))
            self._changed.notify_all()

    def pending(self) -> int:
        with self._changed:
            return len(self._queue) + len(self._held) + self._busy

    def flush(self, timeout_s: float) -> int:
        """Let held events go and wait until nothing is left to send; how many still are."""
        with self._changed:
            self.faults["reorder"] = 0
            self._release()
            self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)
        return self.pending()

    def _run(self, place: int) -> None:
        while True:
            with self._changed:
                if not self._is_due_or_stopped():
                    # woken by every new event: one may be due before the one waited for
                    self._changed.wait(self._wait_s())
                if self._stopped:
                    return
                if place >= self._senders:
                    self._changed.wait(1)
                    continue
                if not self._queue or self._queue[0][0] > time.monotonic():
                    continue
                event = heapq.heappop(self._queue)[2]
                self._busy += 1
            try:
                self._deliver(event)
            except Exception:
                log.exception("A callback could not be handled")
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _is_due_or_stopped(self) -> bool:
        return self._stopped or bool(self._queue and self._queue[0][0] <= time.monotonic())

    def _wait_s(self) -> float | None:
        return max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None

    def _deliver(self, event: Row) -> None:
        host = self.host
        with host.lock:
            corp_id, now = host.world.corp["corp_id"], int(host.now())
            listening = host.world.callback_targets
            targets = [dict(target) for target in listening if receives(target, event["fields"])]
        only = event.get("target")
        clear = event_xml(corp_id, event["created"], event["fields"])
        retries = 0
        for target in targets:
            if only in (None, target["url"]):
                retries += self._deliver_to(
                    target, event, envelope(target, corp_id, clear, now=now)
                )
        if not retries:
            with host.transaction():
                host.commit("event_done", event_id=event["id"])

    def _deliver_to(self, target: Row, event: Row, signed: tuple[str, bytes]) -> bool:
        """Send to one address and log it; True when a retry is on its way."""
        attempt = event.get("attempt", 1)
        result = "dropped" if event.get("drop") else self._post(target["url"], *signed)
        retry = result in ("timeout", "failed connection") and attempt <= MOST_RETRIES
        with self.host.transaction():
            self.host.commit("delivery", delivery={
                "event": event["id"], "url": target["url"], "attempt": attempt, "result": result,
                "fields": event["fields"], "created": event["created"], "retry": retry,
            })  # fmt: skip
        if retry:
            again = {**event, "attempt": attempt + 1, "target": target["url"]}
            self._schedule(again, self.faults["retry_after_ms"] / 1000 * 2 ** (attempt - 1))
        return retry

    def _session(self) -> requests.Session:
        if not hasattr(self._mine, "session"):
            self._mine.session = requests.Session()
        session: requests.Session = self._mine.session
        return session

    def _post(self, url: str, query: str, body: bytes) -> str:
        try:
            answer = self._session().post(
                f"{url}?{query}",
                data=body,
                headers=HEADERS,
                timeout=self.faults["timeout_ms"] / 1000,
                allow_redirects=False,
            )
        except requests.Timeout:
            return "timeout"
        except requests.RequestException:
            return "failed connection"
        return "ok" if answer.status_code == 200 else f"http {answer.status_code}"
