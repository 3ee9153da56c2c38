"""Reads about codes."""

from collections.abc import Iterable

from apps.contact_codes.models import STATE_MARK, ChannelCode


def welcome_texts(states: Iterable[str]) -> dict[tuple[str, str], str]:
    """The codes' own words to new friends by (corp, state), in one query or none."""
    ours = {state for state in states if state.startswith(STATE_MARK)}
    if not ours:
        return {}
    found = ChannelCode.objects.filter(state__in=ours).exclude(welcome="")
    rows = found.values_list("corp_id", "state", "welcome")
    return {(corp_id, state): words for corp_id, state, words in rows}


def name_of_state(state: str) -> str:
    """The code by which somebody came, in its own words; "" for a state that is none of ours."""
    if not state.startswith(STATE_MARK):
        return ""
    code = ChannelCode.objects.filter(state=state).only("channel", "title").first()
    return f"{code.channel} · {code.title}" if code else ""
