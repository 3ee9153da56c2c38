"""Fixed words of templates are remembered, for each language its own."""

import pytest
from django.template import Context, Template
from django.utils import translation

FIXED = '{% load i18n %}{% translate "Not applicable" %}'


@pytest.mark.parametrize(
    "source",
    [
        FIXED,
        '{% load i18n %}{% trans "Today" context "guide page" %}',
        '{% load i18n %}{% translate "Not applicable" as word %}{{ word }}',
        '{% load i18n %}{% translate "Not applicable"|upper %}',
        "{% load i18n %}{% translate word %}",
    ],
)
def test_a_word_is_in_the_language_of_the_moment_however_often_it_is_drawn(source):
    template = Template(source)
    drawn = {}
    for language in ("en", "zh-hans", "en", "zh-hans"):
        with translation.override(language):
            text = template.render(Context({"word": "Not applicable"}))
        assert drawn.setdefault(language, text) == text
    assert drawn["en"] != drawn["zh-hans"]


def test_a_word_of_the_page_is_not_remembered():
    template = Template('{% load i18n %}{% translate word context about %} {% translate "100%" %}')
    one = template.render(Context({"word": "Apple", "about": "a"}))
    other = template.render(Context({"word": "<b>", "about": "a"}))
    assert (one, other) == ("Apple 100%", "&lt;b&gt; 100%")
