from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.guide_tasks import services
from apps.guide_tasks.models import Grade, TaskRule
from apps.outreach.models import MessageTemplate
from tests.factories.facts import make_product
from tests.factories.tasks import make_team, members_of
from tests.guide_tasks.test_rule_triggers import silent_since
from tests.hq.conftest import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.service]

PAGE = "hq:rules"


@pytest.fixture
def standing(fixed_clock):
    services.ensure_default_rules(now=fixed_clock - timedelta(days=60))


def filled(page, **changes):
    """The page's form as a browser would send it, with changes by "key.field"."""
    data = {}
    for form, _view in page.context["rows"]:
        for name in form.fields:
            value = changes.get(f"{form.rule.key}.{name}", form[name].value())
            if value is not None and value is not False:
                data[f"{form.prefix}-{name}"] = value
    return data


def test_every_trigger_stands_on_the_page_as_a_sentence_with_its_numbers(admin_client, standing):
    page = admin_client.get(reverse(PAGE))

    text = page.content.decode()
    rows = page.context["rows"]
    assert len(rows) == TaskRule.objects.count()
    assert {form.rule.key for form, _view in rows} == set(TaskRule.Key.values)
    for form, _view in rows:
        assert "[" not in "".join(part.words for part in form.sentence)
        assert f'data-kind="rule.{form.rule.key}"' in text


def test_what_head_office_changes_is_kept_and_recorded(admin_client, standing):
    page = admin_client.get(reverse(PAGE))
    script = MessageTemplate.objects.create(name="新话术", body="您好", generic_body="您好")
    changes = {
        "silent.daily_cap": 5,
        "silent.skip_days": 21,
        "silent.template": script.pk,
        "birthday.lead_days": 7,
        "lead.is_active": False,
        "repurchase.required_grade": int(Grade.INITIATED),
    }

    answer = admin_client.post(reverse("hq:save_rules"), filled(page, **changes))

    assert answer.status_code == 302
    rules = {rule.key: rule for rule in TaskRule.objects.exclude(key="care")}
    silent = rules["silent"]
    assert (silent.daily_cap, silent.skip_days, silent.template) == (5, 21, script)
    assert rules["birthday"].lead_days == 7
    assert (rules["lead"].is_active, rules["lead"].active_since) == (False, None)
    assert rules["repurchase"].required_grade == Grade.INITIATED
    assert AuditEntry.objects.filter(action="task_rule.changed").count() == 4


def test_a_form_sent_as_it_was_changes_nothing(admin_client, standing):
    page = admin_client.get(reverse(PAGE))

    admin_client.post(reverse("hq:save_rules"), filled(page))

    assert not AuditEntry.objects.filter(action="task_rule.changed").exists()


def test_a_number_out_of_bounds_saves_nothing_and_says_so_in_chinese(admin_client, standing):
    page = admin_client.get(reverse(PAGE))
    data = filled(page, **{"birthday.lead_days": 99, "silent.due_days": 5})

    answer = admin_client.post(reverse("hq:save_rules"), data)

    assert answer.status_code == 422
    assert "最多填" in answer.content.decode()
    assert TaskRule.objects.get(key="silent").due_days == 3


def test_a_step_of_care_for_a_category_is_added_once(admin_client, standing):
    make_product()
    script = MessageTemplate.objects.first().pk
    data = {
        "step-title": "鞋类第七天",
        "step-category": "鞋",
        "step-template": script,
        "step-delay_days": 7,
        "step-due_days": 2,
        "step-minutes": 2,
    }

    first = admin_client.post(reverse("hq:rule_step"), data)
    second = admin_client.post(reverse("hq:rule_step"), data)

    assert (first.status_code, second.status_code) == (302, 422)
    assert second.context["problem"]
    assert "鞋" in second.context["categories"]
    step = TaskRule.objects.get(category="鞋")
    assert (step.key, step.delay_days, step.due_days, step.is_active) == ("care", 7, 2, True)


def test_who_only_looks_gets_no_button(db, fixed_clock, standing):
    text = signed_in("auditor").get(reverse(PAGE)).content.decode()

    assert "disabled" in text
    assert reverse("hq:rule_step") not in text


def test_the_page_counts_what_rules_made_and_costs_the_same_at_any_size(
    admin_client, standing, fixed_clock, django_assert_max_num_queries
):
    people = members_of(make_team(fixed_clock, guides=1, friends=2))
    silent_since(people[0], fixed_clock.date())
    services.run_daily_rules(now=fixed_clock)
    address = reverse(PAGE)
    admin_client.get(address)
    with django_assert_max_num_queries(12) as few:
        page = admin_client.get(address)
    silent = {view.rule.key: view for _form, view in page.context["rows"]}["silent"]
    assert (silent.today, silent.lately) == (1, 1)

    for person in members_of(make_team(fixed_clock, guides=3, friends=4)):
        silent_since(person, fixed_clock.date())
    later = fixed_clock + timedelta(days=1)
    services.run_daily_rules(now=later)
    with django_assert_max_num_queries(len(few.captured_queries)):
        admin_client.get(address)
