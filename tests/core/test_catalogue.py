from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from apps.core import catalogue

TEMPLATE = """{% load i18n %}
<p title="{% translate "Hello" %}">{% blocktranslate count n=n trimmed %}
 one thing of {{ name }}
{% plural %}
 {{ n }} things of {{ name }}
{% endblocktranslate %}</p>
{% translate "May" context "month" %} {{ _("Variable") }} {% blocktranslate %}two
lines "quoted"{% endblocktranslate %} {% if a == "not a message" %}{% endif %}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "apps" / "room").mkdir(parents=True)
    (tmp_path / "apps" / "room" / "views.py").write_text(
        "from x import gettext as _\nA = _('Guide')\nB = ngettext('%d row', '%d rows', 2)\n"
    )
    (tmp_path / "templates" / "room").mkdir(parents=True)
    (tmp_path / "templates" / "room" / "page.html").write_text(TEMPLATE)
    (tmp_path / "locale" / "parts").mkdir(parents=True)
    return tmp_path


def _part(project, name, text):
    (project / "locale" / "parts" / f"{name}.po").write_text(f'msgid ""\nmsgstr ""\n\n{text}')


def test_a_template_speaks_through_its_tags():
    source = BytesIO(TEMPLATE.encode())
    found = list(catalogue.extract_template(source, catalogue._KEYWORDS, (), {}))

    texts = {
        tuple(filter(None, message)) if isinstance(message, tuple) else message
        for _line, _function, message, _comments in found
    }
    assert texts == {
        "Hello",
        ("one thing of %(name)s", "%(n)s things of %(name)s"),
        ("month", "May"),
        'two\nlines "quoted"',
        "Variable",
    }


def test_a_word_inside_an_f_string_needs_chinese_too(project):
    page = project / "apps" / "room" / "page.py"
    page.write_text("A = f\"{name} · {_('Inside') if name else pgettext('room', 'Nobody')}\"\n")

    assert {"Inside", "Nobody"} <= set(catalogue.build(project).missing)


def test_what_has_no_chinese_is_reported(project):
    _part(project, "room", 'msgid "Guide"\nmsgstr "导购"\n')

    outcome = catalogue.build(project)

    assert "Guide" not in outcome.missing
    assert {"Hello", "May", "Variable", "%d row"} <= set(outcome.missing)


def test_parts_meet_in_one_catalogue_and_compile(project):
    _part(
        project,
        "room",
        'msgid "Guide"\nmsgstr "导购"\n\nmsgid "%d row"\n'
        'msgid_plural "%d rows"\nmsgstr[0] "%d 行"\n',
    )
    _part(
        project,
        "other",
        'msgctxt "month"\nmsgid "May"\nmsgstr "五月"\n\n'
        'msgid "A package says"\nmsgstr "一个包说"\n',
    )

    outcome = catalogue.build(project)
    catalogue.write(project, outcome)

    path = project / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        written = read_po(file, locale="zh_Hans")
    assert written.get("Guide").string == "导购"
    assert written.get("%d row").string == ("%d 行",)
    assert written.get("May", "month").string == "五月"
    assert written.get("A package says").string == "一个包说"
    assert catalogue.compile_all(project) == 1
    assert catalogue.compile_all(project) == 0


def test_merging_twice_changes_nothing(project):
    _part(project, "room", 'msgid "Guide"\nmsgstr "导购"\n')
    catalogue.write(project, catalogue.build(project))
    path = project / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    first = path.read_bytes()

    assert catalogue.po_bytes(catalogue.build(project).catalogue) == first


def test_two_rooms_that_disagree_are_named(project):
    _part(project, "a", 'msgid "Guide"\nmsgstr "导购"\n')
    _part(project, "b", 'msgid "Guide"\nmsgstr "指南"\n')

    assert catalogue.build(project).conflicts == ["'Guide': a.po, b.po"]
