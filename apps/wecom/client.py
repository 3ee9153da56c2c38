"""The one door to WeCom's HTTP API, and the only module that may import an HTTP library.

`wechatpy.enterprise` supplies the transport and the token format. What it lacks is added here:
one token request at a time, a bounded retry, timeouts everywhere, typed answers and typed errors.
"""

import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlencode

import requests
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError
from urllib3.exceptions import NameResolutionError, NewConnectionError
from wechatpy.enterprise.client import WeChatClient
from wechatpy.exceptions import WeChatClientException
from wechatpy.session.redisstorage import RedisStorage

from apps.core import clock
from apps.core.pii import decrypt
from apps.wecom.errors import (
    CorpNotConfigured,
    NoAnswer,
    RateLimited,
    Refused,
    TokenExpired,
    Unreachable,
    WeComError,
)
from apps.wecom.models import Corp, CorpApp
from apps.wecom.shapes import (
    Contact,
    ContactDetail,
    ContactPage,
    ContactWay,
    Department,
    DepartmentMember,
    Follow,
    MassSend,
    MassSendListing,
    MemberDay,
    MomentJob,
    MomentListing,
    MomentTask,
    NoticeResult,
    OAuthUser,
    SendResult,
    SendStatus,
    SendTask,
    TextCard,
)

TOKEN_ERRORS = frozenset({40014, 42001})
LIMIT_ERRORS = frozenset({45009, 45033})
BUSY_ERRORS = frozenset({-1, 6000})
NO_RELATION = 84061  # also the answer for a member who has no customers at all

CONNECT_SECONDS = 3.05
READ_SECONDS = 10
BUSY_TRIES = 3
LOCK_SECONDS = 15  # a holder that was killed stops the others for no longer than this
LIMIT_WINDOW_SECONDS = 60

MASS_SEND_MAX_CUSTOMERS = 10_000
MASS_SEND_MAX_TEXT_BYTES = 4_000
MOMENT_MAX_TEXT = 2_000
LISTING_WINDOW = timedelta(days=30)  # one listing call may span a month at most
NOTICE_MAX_USERS = 1_000
FIGURES_MOST_DAYS = 30
CONTACT_PAGE = 100
COUNTER_DAYS = 8

Json = dict[str, Any]


@lru_cache(maxsize=1)
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def shared_cache() -> Redis:
    """The cache that all processes share: tokens, tickets, their locks, and the call counters."""
    return _redis(settings.CACHE_URL)


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), tz=UTC) if seconds else None


class WeComClient(WeChatClient):
    """One app of one corp. Cheap to make; keep it for one job or request, not for the process.

    Every method raises `WeComError` subclasses and nothing else.
    """

    def __init__(self, *, corp_id: str, secret: str, agent_id: int, redis: Redis) -> None:
        super().__init__(
            corp_id,
            secret,
            session=RedisStorage(redis, "wecom"),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            auto_retry=False,
        )
        self.agent_id = agent_id
        self.redis = redis
        # the library sets no timeout at all when it asks for a token
        self._http.request = partial(  # type: ignore[method-assign]
            self._http.request, timeout=(CONNECT_SECONDS, READ_SECONDS)
        )

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def access_token_key(self) -> str:
        # the library keys by the secret's first ten characters; two apps could share a token
        return f"token:{self.corp_id}:{hashlib.sha256(self.secret.encode()).hexdigest()[:32]}"

    @property
    def access_token(self) -> str:
        return self.session.get(self.access_token_key) or self._renew_token(failed=None)

    def fetch_access_token(self) -> Json:
        return self._fetch_access_token(
            f"{settings.WECOM_API_BASE}gettoken",
            {"corpid": self.corp_id, "corpsecret": self.secret},
        )

    def _renew_token(self, *, failed: str | None) -> str:
        return self._single_flight(
            self.access_token_key, failed, lambda: self.fetch_access_token()["access_token"]
        )

    def _single_flight(self, key: str, failed: str | None, fetch: Callable[[], str]) -> str:
        """One caller asks, the others wait and take its result; a value that works is kept."""
        with self.redis.lock(
            f"wecom:lock:{key}", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS + 5, sleep=0.02
        ):
            stored = self.session.get(key)
            if stored and stored != failed:
                return stored
            self.session.delete(key)
            return fetch()

    def _token_or_raise(self, *, failed: str | None) -> str:
        """A token, or the reason there is none. Whatever fails here, the call was not made."""
        try:
            return self._renew_token(failed=failed) if failed else self.access_token
        except WeChatClientException as exc:
            if exc.errcode is None:
                raise Unreachable("gettoken") from None
            raise _refusal(exc.errcode, "gettoken") from None
        except (requests.RequestException, RedisError, ValueError, KeyError) as exc:
            # the texts of these exceptions hold the address with the secret in it
            raise Unreachable(f"gettoken: {type(exc).__name__}") from None

    # -- transport ------------------------------------------------------------------------------

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        params = dict(kwargs.pop("params", None) or {})
        token = self._token_or_raise(failed=None)
        try:
            return self._send(method, url_or_endpoint, params, token, kwargs)
        except WeChatClientException as exc:
            if exc.errcode not in TOKEN_ERRORS:
                raise
        token = self._token_or_raise(failed=token)  # then once more, never a third time
        return self._send(method, url_or_endpoint, params, token, kwargs)

    def _send(
        self, method: str, endpoint: str, params: Json, token: str, kwargs: dict[str, Any]
    ) -> Any:
        sent = {**params, "access_token": token}
        url = f"{settings.WECOM_API_BASE}{endpoint}"
        return super()._request(method, url, params=sent, **kwargs)

    def _call(
        self, path: str, *, params: Json | None = None, data: Json | None = None, effect: bool
    ) -> Json:
        """One call. `effect` says that repeating it could do something twice."""
        tries = 1 if effect else BUSY_TRIES
        for attempt in range(1, tries + 1):
            try:
                return self._call_once(path, params=params, data=data, effect=effect)
            except Refused as exc:
                if exc.errcode not in BUSY_ERRORS or attempt == tries:
                    raise
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def _call_once(
        self, path: str, *, params: Json | None, data: Json | None, effect: bool
    ) -> Json:
        outcome = "ok"
        try:
            answer = self._request(
                "get" if data is None else "post", path, params=params, data=data
            )
            if not isinstance(answer, dict) or "errcode" not in answer:
                raise NoAnswer(f"{path}: not an answer", outcome_unknown=effect)
        except WeChatClientException as exc:
            error = _http_error(exc, path, effect) if exc.errcode is None else None
            error = error or _refusal(exc.errcode, path)
            outcome = str(error.errcode or error.code)
            raise error from None
        except requests.RequestException as exc:
            error = _transport_error(exc, path, effect)
            outcome = error.code
            raise error from None
        except WeComError as exc:
            outcome = str(exc.errcode or exc.code)
            raise
        finally:
            self._count(path, outcome)
        return answer

    def _count(self, path: str, outcome: str) -> None:
        """Figures for the health page; losing one is of no matter."""
        key = f"wecom:calls:{clock.today():%Y%m%d}"
        with contextlib.suppress(RedisError):
            pipe = self.redis.pipeline(transaction=False)
            pipe.hincrby(key, f"{path}|{outcome}", 1)
            pipe.expire(key, COUNTER_DAYS * 86_400)
            pipe.execute()

    def _pages(self, path: str, data: Json, rows: str) -> Iterator[Json]:
        cursor = ""
        while True:
            body = {**data, "cursor": cursor} if cursor else data
            answer = self._call(path, data=body, effect=False)
            yield from answer.get(rows) or ()
            following = answer.get("next_cursor") or ""
            if not following or following == cursor:
                return
            cursor = following

    # -- mass sends -----------------------------------------------------------------------------

    def create_mass_send(
        self,
        *,
        sender: str,
        external_userids: Sequence[str],
        text: str,
        attachments: Sequence[Json] = (),
    ) -> MassSend:
        """Make the task that `sender` must confirm on the phone. Nothing goes out before that.

        `failed` names customers WeCom left out at once. `NoAnswer` means the task may exist: look
        it up with `list_mass_sends` before anything is made again.
        """
        if not 1 <= len(external_userids) <= MASS_SEND_MAX_CUSTOMERS:
            raise Refused("add_msg_template: 1 to 10,000 customers", errcode=40058)
        if len(text.encode()) > MASS_SEND_MAX_TEXT_BYTES:
            raise Refused("add_msg_template: text over 4,000 bytes", errcode=45002)
        body: Json = {
            "chat_type": "single",
            "external_userid": list(external_userids),
            "sender": sender,
            "text": {"content": text},
        }
        if attachments:
            body["attachments"] = list(attachments)
        answer = self._call("externalcontact/add_msg_template", data=body, effect=True)
        if not answer.get("msgid"):
            raise NoAnswer("add_msg_template: no msgid", outcome_unknown=True)
        return MassSend(msgid=answer["msgid"], failed=tuple(answer.get("fail_list") or ()))

    def list_mass_sends(
        self, *, start: datetime, end: datetime, creator: str | None = None, filter_type: int = 2
    ) -> list[MassSendListing]:
        """Every mass send created in [start, end], in as many calls as the month limit asks for."""
        found: dict[str, MassSendListing] = {}
        while start < end:
            until = min(start + LISTING_WINDOW, end)
            body: Json = {
                "chat_type": "single",
                "start_time": int(start.timestamp()),
                "end_time": int(until.timestamp()),
                "filter_type": int(filter_type),
                "limit": 100,
            }
            if creator:
                body["creator"] = creator
            for row in self._pages("externalcontact/get_groupmsg_list_v2", body, "group_msg_list"):
                found[row["msgid"]] = MassSendListing(
                    msgid=row["msgid"],
                    creator=row.get("creator") or "",
                    created_at=datetime.fromtimestamp(int(row["create_time"]), tz=UTC),
                    text=(row.get("text") or {}).get("content") or "",
                )
            start = until
        return list(found.values())

    def list_send_tasks(self, *, msgid: str) -> list[SendTask]:
        """Per member: has the mass send been confirmed?"""
        return [
            SendTask(
                userid=row["userid"],
                sent=row.get("status") == 2,
                sent_at=_moment(row.get("send_time")),
            )
            for row in self._pages(
                "externalcontact/get_groupmsg_task", {"msgid": msgid, "limit": 1000}, "task_list"
            )
        ]

    def list_send_results(self, *, msgid: str, userid: str) -> list[SendResult]:
        """Per customer of one member: what became of the mass send."""
        return [
            SendResult(
                external_userid=row.get("external_userid") or "",
                userid=row.get("userid") or userid,
                status=SendStatus(int(row["status"])),
                sent_at=_moment(row.get("send_time")),
            )
            for row in self._pages(
                "externalcontact/get_groupmsg_send_result",
                {"msgid": msgid, "userid": userid, "limit": 1000},
                "send_list",
            )
        ]

    def remind_mass_send(self, *, msgid: str) -> None:
        """Nudge the members who have not confirmed; three times a day at most."""
        self._call("externalcontact/remind_groupmsg_send", data={"msgid": msgid}, effect=True)

    def cancel_mass_send(self, *, msgid: str) -> None:
        """Stop what has not been confirmed yet. Repeating it is harmless."""
        self._call("externalcontact/cancel_groupmsg_send", data={"msgid": msgid}, effect=False)

    # -- moments --------------------------------------------------------------------------------

    def create_moment(self, *, userids: Sequence[str], text: str) -> str:
        """Have a post made that each of these members confirms on the phone; the job's id.

        `NoAnswer` means the post may exist: look for it with `list_moments` first.
        """
        if not 1 <= len(text) <= MOMENT_MAX_TEXT:
            raise Refused("add_moment_task: 1 to 2,000 characters", errcode=40058)
        body: Json = {
            "text": {"content": text},
            "visible_range": {"sender_list": {"user_list": list(userids)}},
        }
        answer = self._call("externalcontact/add_moment_task", data=body, effect=True)
        if not answer.get("jobid"):
            raise NoAnswer("add_moment_task: no jobid", outcome_unknown=True)
        return str(answer["jobid"])

    def moment_job(self, jobid: str) -> MomentJob:
        """What became of the making of a post."""
        answer = self._call(
            "externalcontact/get_moment_task_result", params={"jobid": jobid}, effect=False
        )
        result = answer.get("result") or {}
        over = int(answer.get("status") or 0) == 3
        return MomentJob(
            moment_id=(result.get("moment_id") or "") if over else "",
            refused=int(result.get("errcode") or 0) if over else 0,
        )

    def list_moment_tasks(self, moment_id: str) -> list[MomentTask]:
        """Per member: has the post been published?"""
        body: Json = {"moment_id": moment_id, "limit": 1000}
        return [
            MomentTask(userid=row["userid"], published=int(row.get("publish_status") or 0) == 1)
            for row in self._pages("externalcontact/get_moment_task", body, "task_list")
        ]

    def list_moments(self, *, start: datetime, end: datetime) -> list[MomentListing]:
        """Posts the corp made in [start, end]."""
        body: Json = {
            "start_time": int(start.timestamp()),
            "end_time": int(end.timestamp()),
            "filter_type": 0,
            "limit": 20,
        }
        return [
            MomentListing(
                moment_id=row["moment_id"], text=(row.get("text") or {}).get("content") or ""
            )
            for row in self._pages("externalcontact/get_moment_list", body, "moment_list")
        ]

    # -- daily figures --------------------------------------------------------------------------

    def days_of_member(self, *, userid: str, first: date, last: date) -> list[MemberDay]:
        """What WeCom counted about one member, day by day, `last` in. A day that WeCom has not
        counted yet is missing. Several members in one call would be added up, so we ask for one.
        """
        if not 0 <= (last - first).days < FIGURES_MOST_DAYS:
            raise Refused("get_user_behavior_data: 1 to 30 days", errcode=40058)
        body: Json = {
            "userid": [userid],
            "start_time": int(clock.day_start(first).timestamp()),
            "end_time": int(clock.day_start(last).timestamp()),
        }
        path = "externalcontact/get_user_behavior_data"
        answer = self._call(path, data=body, effect=False)
        return [_member_day(row) for row in answer.get("behavior_data") or ()]

    # -- notices to members ---------------------------------------------------------------------

    def send_notice(
        self, *, userids: Sequence[str], card: TextCard, repeat_guard_s: int = 1800
    ) -> NoticeResult:
        """A card from the app to members. The same card within `repeat_guard_s` is shown once."""
        if not 1 <= len(userids) <= NOTICE_MAX_USERS:
            raise Refused("message/send: 1 to 1,000 members", errcode=40032)
        body: Json = {
            "touser": "|".join(userids),
            "msgtype": "textcard",
            "agentid": self.agent_id,
            "textcard": {
                "title": card.title,
                "description": card.description,
                "url": card.url,
                "btntxt": card.button,
            },
        }
        if repeat_guard_s:
            body["enable_duplicate_check"] = 1
            body["duplicate_check_interval"] = repeat_guard_s
        answer = self._call("message/send", data=body, effect=True)
        bad = {userid for userid in (answer.get("invaliduser") or "").lower().split("|") if userid}
        return NoticeResult(
            msgid=answer.get("msgid") or "",
            # WeCom answers in lower case; give the ids back as they were spelt
            invalid=tuple(userid for userid in userids if userid.lower() in bad),
        )

    # -- departments and members ----------------------------------------------------------------

    def list_departments(self) -> list[Department]:
        """The whole visible tree."""
        answer = self._call("department/list", effect=False)
        return [
            Department(
                id=int(row["id"]),
                name=row.get("name") or "",
                parent_id=int(row.get("parentid") or 0),
                order=int(row.get("order") or 0),
            )
            for row in answer.get("department") or ()
        ]

    def list_department_members(self, department_id: int) -> list[DepartmentMember]:
        """Members who sit in this very department, without its sub-departments."""
        answer = self._call("user/list", params={"department_id": department_id}, effect=False)
        return [
            DepartmentMember(
                userid=row["userid"],
                name=row.get("name") or "",
                departments=tuple(int(d) for d in row.get("department") or ()),
                position=row.get("position") or "",
                status=int(row.get("status") or 1),
            )
            for row in answer.get("userlist") or ()
        ]

    # -- customers ------------------------------------------------------------------------------

    def list_follow_userids(self) -> list[str]:
        """Members who may have customers."""
        answer = self._call("externalcontact/get_follow_user_list", effect=False)
        return list(answer.get("follow_user") or ())

    def list_contacts_of(self, userids: Sequence[str], cursor: str = "") -> ContactPage:
        """One page of the customers of up to 100 members; `next_cursor` leads to the next."""
        body: Json = {"userid_list": list(userids), "limit": CONTACT_PAGE}
        if cursor:
            body["cursor"] = cursor
        try:
            answer = self._call("externalcontact/batch/get_by_user", data=body, effect=False)
        except Refused as exc:
            if exc.errcode != NO_RELATION:
                raise
            return ContactPage(items=(), next_cursor="")
        return ContactPage(
            items=tuple(
                (_contact(row["external_contact"]), _follow(row["follow_info"]))
                for row in answer.get("external_contact_list") or ()
            ),
            next_cursor=answer.get("next_cursor") or "",
        )

    def get_contact(self, external_userid: str) -> ContactDetail:
        """A customer and everyone who follows them. `Refused` with 84061 when nobody does now."""
        contact: Contact | None = None
        follows: list[Follow] = []
        cursor = ""
        while True:
            params = {"external_userid": external_userid}
            if cursor:
                params["cursor"] = cursor
            answer = self._call("externalcontact/get", params=params, effect=False)
            contact = contact or _contact(answer["external_contact"])
            follows += [_follow(row) for row in answer.get("follow_user") or ()]
            cursor = answer.get("next_cursor") or ""
            if not cursor:
                return ContactDetail(contact=contact, follows=tuple(follows))

    # -- 联系我 codes ----------------------------------------------------------------------------

    def add_contact_way(self, *, userid: str, state: str) -> ContactWay:
        """A code by which a customer adds this member; `state` (30 characters) comes with them."""
        body: Json = {"type": 1, "scene": 2, "user": [userid], "state": state, "skip_verify": True}
        answer = self._call("externalcontact/add_contact_way", data=body, effect=True)
        if not answer.get("config_id"):
            raise NoAnswer("add_contact_way: no config_id", outcome_unknown=True)
        return ContactWay(config_id=answer["config_id"], address=answer.get("qr_code") or "")

    def delete_contact_way(self, *, config_id: str) -> None:
        """Take a code back. Repeating it is harmless."""
        self._call("externalcontact/del_contact_way", data={"config_id": config_id}, effect=False)

    # -- who is it ------------------------------------------------------------------------------

    def oauth_user(self, code: str) -> OAuthUser:
        """Who came back with this code. A code works once and for five minutes, else `Refused`."""
        # never repeated by us: the first answer uses the code up
        answer = self._call("auth/getuserinfo", params={"code": code}, effect=True)
        return OAuthUser(
            userid=answer.get("userid") or None,
            external_userid=answer.get("external_userid") or None,
            openid=answer.get("openid") or None,
        )

    # -- JS-SDK ---------------------------------------------------------------------------------

    def config_signature(self, url: str) -> Json:
        """What `ww.register` wants from `getConfigSignature` for the page at `url`."""
        return self._signature(url, self._ticket("corp", "get_jsapi_ticket", None))

    def agent_config_signature(self, url: str) -> Json:
        """What `ww.register` wants from `getAgentConfigSignature`: with this very app's ticket."""
        return self._signature(url, self._ticket("agent", "ticket/get", {"type": "agent_config"}))

    def _ticket(self, kind: str, path: str, params: Json | None) -> str:
        # per secret: the library keeps one agent ticket per corp and apps overwrite each other
        key = f"ticket:{kind}:{self.access_token_key}"

        def fetch() -> str:
            answer = self._call(path, params=params, effect=False)
            self.session.set(key, answer["ticket"], max(int(answer["expires_in"]) - 60, 1))
            return answer["ticket"]

        try:
            return self.session.get(key) or self._single_flight(key, None, fetch)
        except RedisError as exc:
            raise Unreachable(f"ticket: {type(exc).__name__}") from None

    def _signature(self, url: str, ticket: str) -> Json:
        nonce, timestamp = secrets.token_hex(8), int(time.time())
        return {
            "timestamp": timestamp,
            "nonceStr": nonce,
            "signature": sign_page(ticket=ticket, nonce=nonce, timestamp=timestamp, url=url),
            "corpId": self.corp_id,
            "agentId": self.agent_id,
        }


def _contact(row: Json) -> Contact:
    return Contact(
        external_userid=row["external_userid"],
        name=row.get("name") or "",
        unionid=row.get("unionid") or "",
        gender=int(row.get("gender") or 0),
        type=int(row.get("type") or 1),
    )


def _follow(row: Json) -> Follow:
    tags = row.get("tag_id") or [tag.get("tag_id") for tag in row.get("tags") or ()]
    return Follow(
        userid=row["userid"],
        remark=row.get("remark") or "",
        created_at=_moment(row.get("createtime")),
        state=row.get("state") or "",
        add_way=int(row.get("add_way") or 0),
        remark_mobiles=tuple(mobile for mobile in row.get("remark_mobiles") or () if mobile),
        tag_ids=tuple(tag for tag in tags if tag),  # members' own tags carry no id
    )


def _member_day(row: Json) -> MemberDay:
    percent, minutes = row.get("reply_percentage"), row.get("avg_reply_time")
    return MemberDay(
        on=clock.business_day(datetime.fromtimestamp(int(row["stat_time"]), tz=UTC)),
        friend_requests=int(row.get("new_apply_cnt") or 0),
        new_friends=int(row.get("new_contact_cnt") or 0),
        chats=int(row.get("chat_cnt") or 0),
        messages=int(row.get("message_cnt") or 0),
        reply_percent=None if percent is None else float(percent),
        first_reply_minutes=None if minutes is None else int(minutes),
        negative=int(row.get("negative_feedback_cnt") or 0),
    )


def _refusal(errcode: int | None, path: str) -> WeComError:
    if errcode in TOKEN_ERRORS:
        return TokenExpired(path, errcode=errcode)
    if errcode in LIMIT_ERRORS:
        return RateLimited(path, errcode=errcode, retry_after=LIMIT_WINDOW_SECONDS)
    return Refused(path, errcode=errcode)


def _http_error(exc: WeChatClientException, path: str, effect: bool) -> WeComError:
    status = exc.response.status_code
    if status == 429:
        return RateLimited(f"{path}: HTTP 429", retry_after=LIMIT_WINDOW_SECONDS)
    if status < 500:
        return Refused(f"{path}: HTTP {status}")
    return NoAnswer(f"{path}: HTTP {status}", outcome_unknown=effect)


def _transport_error(exc: requests.RequestException, path: str, effect: bool) -> WeComError:
    """Never show the exception's own text: it holds the address, and that holds the token."""
    detail = f"{path}: {type(exc).__name__}"
    if isinstance(exc, requests.ConnectTimeout | requests.exceptions.SSLError):
        return Unreachable(detail)
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    if isinstance(reason, NewConnectionError | NameResolutionError):
        return Unreachable(detail)
    return NoAnswer(detail, outcome_unknown=effect)


def sign_page(*, ticket: str, nonce: str, timestamp: int, url: str) -> str:
    """The JS-SDK's page signature; the fragment is not part of the address."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url.split('#')[0]}"
    return hashlib.sha1(text.encode()).hexdigest()


def default_corp() -> Corp:
    """The active corp that was connected first."""
    corp = Corp.objects.filter(is_active=True).order_by("pk").first()
    if corp is None:
        raise CorpNotConfigured()
    return corp


def _customer_contact_app(corp: Corp) -> CorpApp:
    app = corp.apps.filter(kind=CorpApp.Kind.CUSTOMER_CONTACT).order_by("pk").first()
    if app is None:
        raise CorpNotConfigured()
    return app


def client_for(corp: Corp | None = None) -> WeComClient:
    """A client with the rights of the corp's customer-contact app (default: the active corp)."""
    corp = corp or default_corp()
    app = _customer_contact_app(corp)
    return WeComClient(
        corp_id=corp.corp_id,
        secret=decrypt(bytes(app.secret_enc)),
        agent_id=app.agent_id,
        redis=shared_cache(),
    )


def authorize_url(redirect_uri: str, state: str, corp: Corp | None = None) -> str:
    """Where to send a browser inside WeCom so that it comes back to `redirect_uri` with a code."""
    corp = corp or default_corp()
    query = urlencode(
        {
            "appid": corp.corp_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": _customer_contact_app(corp).agent_id,
        },
        quote_via=quote,
        safe="",
    )
    base = settings.WECOM_OAUTH_BASE.rstrip("/")
    return f"{base}/connect/oauth2/authorize?{query}#wechat_redirect"


def login_url(redirect_uri: str, state: str, corp: Corp | None = None) -> str:
    """Where to send a desktop browser for the QR sign-in."""
    corp = corp or default_corp()
    query = urlencode(
        {
            "login_type": "CorpApp",
            "appid": corp.corp_id,
            "agentid": _customer_contact_app(corp).agent_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "lang": "zh",
        },
        quote_via=quote,
        safe="",
    )
    return f"{settings.WECOM_LOGIN_BASE.rstrip('/')}/wwlogin/sso/login?{query}"


def call_counts(day: datetime | None = None) -> dict[tuple[str, str], int]:
    """How often each method ended how on that chain day: {(path, "ok" or errcode): times}."""
    on = clock.business_day(day) if day else clock.today()
    try:
        raw: Any = shared_cache().hgetall(f"wecom:calls:{on:%Y%m%d}")
    except RedisError:
        return {}
    counts = {}
    for key, times in raw.items():
        path, _, outcome = key.decode().partition("|")
        counts[path, outcome] = int(times)
    return counts
