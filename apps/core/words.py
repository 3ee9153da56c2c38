"""`{% load i18n %}`: Django's library, with one tag that remembers.

A page says forty fixed words. Django looks each up anew, through the filters it does not have and
the escaping it does not need, which takes fifteen times as long as remembering it.
"""

from typing import Any

from django import template
from django.template.base import FilterExpression, Node, Parser, Token
from django.templatetags import i18n
from django.utils.translation import get_language

register = template.Library()
register.tags.update(i18n.register.tags)
register.filters.update(i18n.register.filters)


class _Word(Node):
    """A word that only the language decides."""

    def __init__(self, word: i18n.TranslateNode) -> None:
        self._word = word
        self._said: dict[str | None, str] = {}

    def render(self, context: Any) -> str:
        language = get_language()
        if language not in self._said:
            self._said[language] = self._word.render(context)
        return self._said[language]


def _is_fixed(word: i18n.TranslateNode) -> bool:
    """Neither the text nor its context comes from the page, and nothing else is made of it."""
    text: FilterExpression = word.filter_expression
    context = word.message_context
    return (
        not word.asvar
        and not text.filters
        and text.var.lookups is None
        and (context is None or not (context.is_var or context.filters))
    )


@register.tag("trans")
@register.tag("translate")
def translate(parser: Parser, token: Token) -> Node:
    word = i18n.do_translate(parser, token)
    return _Word(word) if _is_fixed(word) else word
