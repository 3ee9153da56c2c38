"""Interactive cards after they were sent: changed once for each response code, or taken back."""

from ..errors import ApiError
from ..world import Row
from .base import Call, Needs, endpoint, text
from .card_blocks import WRONG, shown

DAY_S = 86400
CODE_LIFE_S = 3 * DAY_S
ANOTHER_APP = 42015


@endpoint("message/update_template_card", needs=Needs.AGENT, writes=True)
def update_template_card(call: Call) -> Row:
    """A button is replaced by words, or the card by another: for these people, with one code."""
    if str(call.body.get("agentid", "")) != call.app:
        raise ApiError(301002)
    code = text(call.body, "response_code", empty=60140)
    row = call.world.response_codes.get(code)
    if row is None or row["used"] or row["at"] < call.now - CODE_LIFE_S:
        raise ApiError(60140)
    notice = call.world.notices[row["msgid"]]
    if notice["app"] != call.app:
        raise ApiError(ANOTHER_APP)
    change = _change(call)
    people, invalid = _people(call, notice)
    call.host.commit(
        "card_updated", code=code, msgid=notice["msgid"], userids=people, change=change
    )
    call.effect = {"updated": notice["msgid"], "userids": people}
    return {"invaliduser": invalid} if invalid else {}


def _change(call: Call) -> Row:
    """`button.replace_name`, or another card in the place of this one."""
    button, card = call.body.get("button"), call.body.get("template_card")
    if isinstance(button, dict) and button.get("replace_name"):
        return {"button": str(button["replace_name"])}
    if not isinstance(card, dict):
        raise ApiError(WRONG)
    closed = any(row.get("disable") for row in _asked(card))
    return {"card": shown(card), "closed": closed, "button": str(card.get("replace_text") or "")}


def _asked(card: Row) -> list[Row]:
    """Its questions, any of which may be closed with `disable`."""
    rows = [card.get("checkbox"), card.get("button_selection"), *(card.get("select_list") or [])]
    return [row for row in rows if isinstance(row, dict)]


def _people(call: Call, notice: Row) -> tuple[list[str], list[str]]:
    """Receivers of the card that are meant; nobody named, or `atall`: all of them."""
    asked = call.body.get("userids") or []
    if not isinstance(asked, list) or len(asked) > 1000:
        raise ApiError(40032)
    if not asked or call.body.get("atall"):
        return list(notice["userids"]), []
    names = call.world.user_names
    real = [names.get(str(item).lower(), "") for item in asked]
    good = [userid for userid in real if userid in notice["userids"]]
    return good, [str(item) for item, found in zip(asked, real, strict=True) if found not in good]


@endpoint("message/recall", needs=Needs.AGENT, writes=True)
def message_recall(call: Call) -> Row:
    """Within 24 hours, by the app that sent it."""
    notice = call.world.notices.get(text(call.body, "msgid"))
    if notice is None or notice["app"] != call.app:
        raise ApiError(40058)
    if notice["at"] < call.now - DAY_S:
        raise ApiError(42052)
    call.host.commit("notice_recalled", msgid=notice["msgid"])
    call.effect = {"recalled": notice["msgid"]}
    return {}
