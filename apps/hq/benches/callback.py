"""How many WeCom callbacks our door takes: signed, over HTTP, each on a connection of its own."""

import base64
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlencode

from apps.hq.benches import Options, Result, Say, bench
from apps.hq.benches._disturbed import open_import, pause, wait_until_busy, working_worker
from apps.hq.benches._serving import BenchFailed, percentile, send_all, server
from apps.wecom import services
from apps.wecom.crypto import Keys, seal_text
from apps.wecom.models import RawCallback

SLUG = "bench"
WARM_UP = 200
ROUNDS = 5
# as docs/running.md tells production to
DOOR = ["--worker-class", "asgi", "--workers", "2"]


@dataclass(frozen=True, slots=True)
class Figures:
    per_s: float
    p99_ms: float


@bench(
    "callback",
    {"--callbacks": 10_000, "--senders": 50, "--paused-worker": 1, "--open-import": 1000},
)
def callback(options: Options, say: Say) -> list[Result]:
    """Throughput and the slow end, ours beside a bare handler on the same server; then ours again
    while a worker stands still in its work and an import of so many members is open."""
    count, senders = options["callbacks"], options["senders"]
    disturbed = bool(options["paused_worker"] or options["open_import"])
    keys = _connect()
    rounds = 2 if disturbed else 1
    say(f"sealing {rounds * count:,} callbacks")
    posts = [_post(keys, number) for number in range(rounds * (count + WARM_UP))]
    first, second = posts[: count + WARM_UP], posts[count + WARM_UP :]
    bare_env = {
        "BARE_TOKEN": keys.token,
        "BARE_AES_KEY": keys.aes_key,
        "BARE_CORP_ID": keys.receive_id,
    }
    with (
        server("apps.hq.benches._bare_callback:application", bare_env, DOOR) as bare,
        server("scrm.asgi", {}, DOOR) as own,
    ):
        say("measuring the bare handler and ours in turns")
        floor, ours = _in_turns([bare, own], first, senders)
    results = _beside("", ours, floor)
    if disturbed:
        say("measuring ours with a paused worker and an open import")
        results += _beside("disturbed_", _disturbed(second, senders, options), ours)
    kept = RawCallback.objects.count()
    if kept != len(posts):
        raise BenchFailed(f"{len(posts)} sent, {kept} kept")
    return results


def _beside(name: str, ours: Figures, floor: Figures) -> list[Result]:
    return [
        Result(f"{name}per_s", "callbacks/s", ours.per_s, floor.per_s, floor.per_s / ours.per_s),
        Result(f"{name}p99_ms", "ms", ours.p99_ms, floor.p99_ms, ours.p99_ms / floor.p99_ms),
    ]


def _disturbed(posts: list[bytes], senders: int, options: Options) -> Figures:
    """The same door; the floor of these figures is the door left in peace."""
    with ExitStack() as stack:
        port = stack.enter_context(server("scrm.asgi", {}, DOOR))
        if options["paused_worker"]:
            worker = stack.enter_context(working_worker())
            send_all(port, posts[:WARM_UP], senders)
            wait_until_busy()
            pause(worker)
        stack.enter_context(open_import(options["open_import"]))
        (figures,) = _in_turns([port], posts, senders)
        return figures


def _connect() -> Keys:
    aes_key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    keys = Keys(token=secrets.token_hex(12), aes_key=aes_key, receive_id="wwbench000000001")
    services.connect_corp(
        corp_id=keys.receive_id,
        corp_name="Bench",
        agent_id=1,
        secret=secrets.token_urlsafe(24),
        token=keys.token,
        aes_key=keys.aes_key,
        slug=SLUG,
    )
    return keys


def _post(keys: Keys, number: int) -> bytes:
    """One whole HTTP request: a customer added a guide, each time another customer."""
    text = (
        f"<xml><ToUserName><![CDATA[{keys.receive_id}]]></ToUserName>"
        "<FromUserName><![CDATA[sys]]></FromUserName><CreateTime>1767225660</CreateTime>"
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[change_external_contact]]></Event>"
        "<ChangeType><![CDATA[add_external_contact]]></ChangeType>"
        f"<UserID><![CDATA[guide_{number % 80}]]></UserID>"
        f"<ExternalUserID><![CDATA[wmBench{number:025}]]></ExternalUserID></xml>"
    )
    nonce = secrets.token_hex(5)
    encrypted, signature = seal_text(keys=keys, text=text, timestamp="1767225660", nonce=nonce)
    query = urlencode({"msg_signature": signature, "timestamp": "1767225660", "nonce": nonce})
    body = (
        f"<xml><ToUserName><![CDATA[{keys.receive_id}]]></ToUserName>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )
    head = (
        f"POST /wecom/callback/{SLUG}/?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: text/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return f"{head}{body}".encode()


def _in_turns(ports: Sequence[int], posts: list[bytes], senders: int) -> list[Figures]:
    """The middle of a few rounds of each server. They take turns, so that what else the machine
    does falls on all of them alike."""
    rounds: dict[int, list[Figures]] = {port: [] for port in ports}
    for port in ports:
        send_all(port, posts[:WARM_UP], senders)
    for number in range(ROUNDS):
        for port in ports:
            rounds[port].append(_round(port, posts[WARM_UP + number :: ROUNDS], senders))
    return [
        Figures(
            per_s=median(one.per_s for one in rounds[port]),
            p99_ms=median(one.p99_ms for one in rounds[port]),
        )
        for port in ports
    ]


def _round(port: int, posts: list[bytes], senders: int) -> Figures:
    began = time.perf_counter()
    seconds = send_all(port, posts, senders)
    whole = time.perf_counter() - began
    return Figures(per_s=len(seconds) / whole, p99_ms=percentile(seconds, 0.99))
