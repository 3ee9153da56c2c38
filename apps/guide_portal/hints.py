"""Words in a guide's notes that may be facts: offered as chips, kept only when the guide taps one.

A list of words, no guessing: what is not in it stays what the guide wrote.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from apps.members.models import ConfirmedFact

OFFERED = 4
Kind = ConfirmedFact.Kind

_SIZE = re.compile(r"(?<![\d.])(3[3-9](?:\.5)?|4[0-8](?:\.5)?)\s?码")
_LETTERS = re.compile(r"(?<![A-Za-z])(XS|S|M|L|XL|XXL|2XL|3XL)\s?码?(?![A-Za-z])", re.IGNORECASE)
# the word that is kept, and how guides write it
_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    Kind.COLOUR: {
        "黑色": ("黑色", "黑的"),
        "白色": ("白色", "白的"),
        "灰色": ("灰色",),
        "红色": ("红色", "大红"),
        "粉色": ("粉色", "粉红"),
        "蓝色": ("蓝色", "藏蓝"),
        "绿色": ("绿色",),
        "棕色": ("棕色", "咖色", "咖啡色"),
        "驼色": ("驼色",),
        "米色": ("米色", "米白", "杏色"),
        "紫色": ("紫色",),
    },
    Kind.FAMILY: {
        "给妈妈买": ("妈妈", "母亲", "婆婆"),
        "给爸爸买": ("爸爸", "父亲", "公公"),
        "给爱人买": ("老公", "老婆", "先生买", "太太买", "爱人"),
        "给孩子买": ("孩子", "女儿", "儿子", "宝宝", "小朋友"),
    },
    Kind.OCCASION: {
        "通勤": ("通勤", "上班", "办公室"),
        "送礼": ("送礼", "送人", "礼物"),
        "婚礼": ("婚礼", "结婚", "伴娘"),
        "旅行": ("旅行", "旅游", "出游"),
        "运动": ("运动", "跑步", "健身", "徒步"),
        "聚会": ("聚会", "年会", "派对"),
    },
}
# said together with the word, it is the opposite of a wish
_NOT = ("不要", "不喜欢", "不爱", "不穿", "讨厌", "别")


@dataclass(frozen=True, slots=True)
class Hint:
    kind: str
    word: str


def hints_in(text: str) -> list[Hint]:
    """Facts that this note may hold, in the order of the list."""
    found = [Hint(Kind.SIZE, f"{size} 码") for size in _SIZE.findall(text)]
    found += [Hint(Kind.SIZE, f"{size.upper()} 码") for size in _LETTERS.findall(text)]
    for kind, words in _WORDS.items():
        for word, written in words.items():
            if any(_wished(text, one) for one in written):
                found.append(Hint(kind, word))
    return found


def _wished(text: str, word: str) -> bool:
    at = text.find(word)
    return at >= 0 and not any(no in text[max(0, at - 4) : at] for no in _NOT)


def hints_of(texts: Iterable[str], *, known: Iterable[Hint]) -> list[Hint]:
    """What to offer: hints of these notes, newest first, without what is known already."""
    have = set(known)
    found = dict.fromkeys(hint for text in texts for hint in hints_in(text))
    return [hint for hint in found if hint not in have][:OFFERED]


def is_known_word(kind: str, word: str) -> bool:
    """Whether the page may have offered this; a form that says anything else is not ours."""
    if kind == Kind.SIZE:
        return bool(_SIZE.fullmatch(word) or _LETTERS.fullmatch(word))
    return word in _WORDS.get(kind, {})
