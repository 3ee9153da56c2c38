"""One question to WeCom for each step of going live, and what the answer amounts to."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F

from apps.core import clock
from apps.wecom.client import WeComClient, call_counts, client_of
from apps.wecom.errors import Refused, WeComError
from apps.wecom.models import CallbackEndpoint, ConnectionCheck, CorpApp, RawCallback

Step, State = ConnectionCheck.Step, ConnectionCheck.State

MOST_LOOKED_AT = 50  # of the guides that are missing, each costs a call
SIGN_IN_DAYS = 7
NOT_THERE = frozenset({60111, 60011, 40003})


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is WeCom's errcode or a word of ours; `detail` never describes a person."""

    state: str
    code: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """What the probes know: the app, a client for it, the userids of our guides."""

    app: CorpApp
    client: WeComClient
    userids: Collection[str]


def ask(app: CorpApp, step: str, userids: Collection[str]) -> Finding:
    """Run the probe of one step. A refusal of WeCom's is a finding, never an exception."""
    question = Question(app, client_of(app), userids)
    try:
        return PROBES[step](question)
    except WeComError as error:
        detail = {"hint": error.hint} if error.hint else {}
        if error.seen_ip:
            detail["ip"] = error.seen_ip
        return Finding(State.BAD, str(error.errcode or error.code), detail)


def _secret(question: Question) -> Finding:
    question.client.ask_token_anew()
    return Finding(State.OK)


def _agent(question: Question) -> Finding:
    agent = question.client.get_agent()
    if agent.closed:
        return Finding(State.BAD, "closed")
    return Finding(State.OK, detail={"name": agent.name})


def _address(question: Question) -> Finding:
    """Any call with the app's own token tells whether our address is trusted."""
    question.client.get_agent()
    return Finding(State.OK)


def _callable(question: Question) -> Finding:
    found = question.client.list_follow_userids()
    if not found:
        return Finding(State.WARN, "no_members")
    return Finding(State.OK, detail={"members": len(found)})


def _people(question: Question) -> tuple[list[str], list[str], int]:
    """Our guides who are not seen, those who are but may have no customers, how many we know."""
    able = {userid.lower() for userid in question.client.list_follow_userids()}
    missing = sorted(userid for userid in question.userids if userid.lower() not in able)
    outside, unable = [], []
    for userid in missing[:MOST_LOOKED_AT]:
        try:
            question.client.look_up_member(userid)
        except Refused as error:
            if error.errcode not in NOT_THERE:
                raise
            outside.append(userid)
        else:
            unable.append(userid)
    return outside, unable, len(missing)


def _of_guides(code: str, found: list[str], missing: int, question: Question) -> Finding:
    # of very many only the first were looked at, so their number is all that is known
    affected = len(found) if missing <= MOST_LOOKED_AT or not found else missing
    detail = {"guides": len(question.userids), "missing": affected, "userids": found}
    if not question.userids:
        return Finding(State.WARN, "no_guides", detail)
    return Finding(State.BAD, code, detail) if found else Finding(State.OK, detail=detail)


def _range(question: Question) -> Finding:
    outside, _unable, missing = _people(question)
    return _of_guides("outside", outside, missing, question)


def _permission(question: Question) -> Finding:
    _outside, unable, missing = _people(question)
    return _of_guides("no_permission", unable, missing, question)


def _domain(question: Question) -> Finding:
    trusted = question.client.get_agent().trusted_domain
    ours = urlsplit(settings.PUBLIC_BASE_URL).netloc
    if not trusted:
        return Finding(State.BAD, "no_domain", {"ours": ours})
    if trusted.lower() != ours.lower():
        return Finding(State.BAD, "other_domain", {"ours": ours, "theirs": trusted})
    question.client.config_signature(settings.PUBLIC_BASE_URL)
    question.client.agent_config_signature(settings.PUBLIC_BASE_URL)
    return Finding(State.OK, detail={"ours": ours})


def _sign_in(question: Question) -> Finding:
    now = clock.now()
    days = [now - timedelta(days=back) for back in range(SIGN_IN_DAYS)]
    times = sum(call_counts(day).get(("auth/getuserinfo", "ok"), 0) for day in days)
    if not times:
        return Finding(State.WARN, "no_sign_in")
    return Finding(State.OK, detail={"times": times})


def _callback(question: Question) -> Finding:
    """What came by keys that were replaced since proves nothing of those that stand there now."""
    endpoints = CallbackEndpoint.objects.filter(corp_id=question.app.corp_id)
    came = RawCallback.objects.filter(
        endpoint__in=endpoints, received_at__gte=F("endpoint__keys_set_at")
    )
    if latest := came.order_by("-received_at").first():
        return Finding(State.OK, detail={"latest": latest.received_at.isoformat()})
    if endpoints.exclude(verified_at=None).exists():
        return Finding(State.WARN, "no_event")
    refused = endpoints.exclude(refused_for="").order_by("-keys_set_at").first()
    return Finding(State.BAD, refused.refused_for if refused else "no_url_check")


PROBES: dict[str, Callable[[Question], Finding]] = {
    Step.SECRET: _secret,
    Step.ADDRESS: _address,
    Step.AGENT: _agent,
    Step.CALLABLE: _callable,
    Step.RANGE: _range,
    Step.PERMISSION: _permission,
    Step.DOMAIN: _domain,
    Step.SIGN_IN: _sign_in,
    Step.CALLBACK: _callback,
}
