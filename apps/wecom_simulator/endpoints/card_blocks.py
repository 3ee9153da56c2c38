"""Template cards: what each kind must hold, and what of it a phone shows."""

import re

from ..errors import ApiError
from ..world import Row
from .base import Call

CARD_TYPES = {
    "text_notice",
    "news_notice",
    "button_interaction",
    "vote_interaction",
    "multiple_interaction",
}
INTERACTIVE = CARD_TYPES - {"text_notice", "news_notice"}
# the real host has a number for each field up to 42051; of the others no public page says which
WRONG = 42014
BAD_KEY, NO_KEY, NO_TEXT, NO_CALLBACK = 42018, 42019, 42020, 43012
ONE, MANY = "one", "many"
MOST_KEY = 1024


def template_card(call: Call, block: Row) -> Row:
    """A card to be sent."""
    kind = block.get("card_type")
    _demand(kind in CARD_TYPES)
    task_id = block.get("task_id") or ""
    if kind in INTERACTIVE:
        _demand(isinstance(task_id, str) and re.fullmatch(r"[A-Za-z0-9_\-@]{1,128}", task_id))
        # nobody would hear of a press
        _demand(any(not row.get("contacts") for row in call.world.callback_targets), NO_CALLBACK)
    return {"task_id": task_id, **shown(block)}


def shown(block: Row) -> Row:
    """What the phone shows of a card, sent or put in the place of another."""
    kind = block.get("card_type")
    _demand(kind in CARD_TYPES)
    action = _part(block, "card_action")
    if kind not in INTERACTIVE:
        _demand(action.get("type") in (1, 2))
    main = _part(block, "main_title")
    if kind == "news_notice":
        _demand(main.get("title"))
        _demand(block.get("card_image") or block.get("image_text_area"))
    return {
        "card_type": kind, "title": str(main.get("title", "")),
        "description": "\n".join([str(main.get("desc", "")), *_lines(block)]).strip(),
        "source": str(_part(block, "source").get("desc", "")), "url": action.get("url", ""),
        "btntxt": "详情", **_asked(str(kind), block),
    }  # fmt: skip


def _asked(kind: str, block: Row) -> Row:
    """Buttons to press and questions to answer before."""
    if kind == "button_interaction":
        buttons = [_button(row) for row in _rows(block, "button_list", 1, 6)]
        menu = _part(block, "button_selection")
        return {"buttons": buttons, "questions": [_question(menu, ONE, 10)] if menu else []}
    if kind == "vote_interaction":
        box = _part(block, "checkbox")
        mode = box.get("mode", 0)
        _demand(mode in (0, 1))
        question = _question(box, MANY if mode else ONE, 20)
        return {"buttons": [_submit(block)], "questions": [question]}
    if kind == "multiple_interaction":
        lists = _rows(block, "select_list", 1, 3)
        questions = [_question(row, ONE, 10) for row in lists]
        _demand(len({row["key"] for row in questions}) == len(questions))
        return {"buttons": [_submit(block)], "questions": questions}
    return {"buttons": [], "questions": []}


def _lines(block: Row) -> list[str]:
    rows = (block.get("horizontal_content_list") or [])[:6]
    return [f"{row.get('keyname', '')}：{row.get('value', '')}" for row in rows]


def _button(row: Row) -> Row:
    """One that leads to an address has no key; every other one is told of by its key."""
    text, link = str(row.get("text") or ""), row.get("type") == 1
    _demand(text, NO_TEXT)
    _demand(row.get("url") if link else row.get("key"), WRONG if link else NO_KEY)
    _demand(len(str(row.get("key") or "").encode()) <= MOST_KEY, BAD_KEY)
    return {"text": text, "key": "" if link else str(row["key"])}


def _submit(block: Row) -> Row:
    return _button({**_part(block, "submit_button"), "type": 0})


def _question(row: Row, mode: str, most: int) -> Row:
    key = row.get("question_key")
    _demand(isinstance(key, str) and 0 < len(key.encode()) <= MOST_KEY)
    options = _rows(row, "option_list", 1, most)
    idents = [str(option.get("id") or "") for option in options]
    _demand(all(idents) and len(set(idents)) == len(idents))
    _demand(all(option.get("text") for option in options))
    chosen = [i for i, option in zip(idents, options, strict=True) if option.get("is_checked")]
    if row.get("selected_id"):
        chosen = [str(row["selected_id"])]
    _demand(set(chosen) <= set(idents) and (mode == MANY or len(chosen) <= 1))
    return {
        "key": key, "title": str(row.get("title") or ""), "mode": mode, "chosen": chosen,
        "options": [{"id": str(one["id"]), "text": str(one["text"])} for one in options],
    }  # fmt: skip


def _part(block: Row, name: str) -> Row:
    part = block.get(name) or {}
    _demand(isinstance(part, dict))
    return dict(part)


def _rows(block: Row, name: str, least: int, most: int) -> list[Row]:
    rows = block.get(name)
    _demand(isinstance(rows, list) and least <= len(rows) <= most)
    _demand(all(isinstance(row, dict) for row in rows or []))
    return list(rows or [])


def _demand(holds: object, errcode: int = WRONG) -> None:
    if not holds:
        raise ApiError(errcode)
