"""Whoever holds personal data says who may see it; every admin page asks; schedules are real."""

import pytest
from celery import current_app
from django.apps import apps
from django.contrib import admin
from django.db import models
from django_celery_beat.models import PeriodicTask

from apps.accounts.actor import Actor
from apps.accounts.admin_base import CapabilityMixin, RoomAdmin
from apps.core.jobs import Queue, queue_of
from apps.hq.beat_schedule import ENTRIES

OURS = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
PERSON_COLUMNS = {"member_id", "survivor_id", "external_userid", "phone", "phone_last4"}

# a `name` of these is a thing's, or of those who sign in with a role, not a customer's
NAMES_OF_THINGS = {
    "accounts.ApiKey",
    "campaigns.Campaign",
    "commissions.CommissionRule",
    "core.JobRun",
    "customer_groups.CustomerGroup",
    "customer_groups.GroupCode",
    "customer_groups.GroupWelcome",
    "loyalty.Coupon",
    "orders.Product",
    "outreach.MessageTemplate",
    "segments.Segment",
    "stores.LegalEntity",
    "stores.Region",
    "tagging.Tag",
    "tagging.TagGroup",
    "timeline.ConsumerCursor",
    "wecom.Corp",
    "wecom.CorpApp",
    "wecom_sync.Department",
}
# `_enc` here is the corp's own secret
CORP_SECRETS = {"wecom.Corp", "wecom.CorpApp", "wecom.CallbackEndpoint"}
# read by jobs alone: no page shows it, so no actor ever asks
MACHINES_OWN = {"wecom_sync.FollowNews"}


def _personal(model):
    """The columns by which a row of this model is about a person."""
    label = model._meta.label
    for field in model._meta.fields:
        of_member = field.is_relation and field.related_model._meta.label == "members.Member"
        sealed = field.name.endswith("_enc") and label not in CORP_SECRETS
        named = field.name == "name" and label not in NAMES_OF_THINGS
        if of_member or sealed or named or field.name in PERSON_COLUMNS:
            yield field.name


PERSONAL = [model for model in OURS if any(_personal(model))]


def _ids(model):
    return model._meta.label


def test_the_list_of_personal_data_is_not_empty_by_mistake():
    assert {"members.Member", "orders.OrderLine", "timeline.MemberEvent"} <= set(
        map(_ids, PERSONAL)
    )
    assert len(PERSONAL) > 20


@pytest.mark.parametrize("model", PERSONAL, ids=_ids)
def test_a_model_about_people_says_who_may_see_its_rows(model):
    if model._meta.label in MACHINES_OWN:
        assert not admin.site.is_registered(model)
        return

    assert callable(getattr(model._default_manager.all(), "visible_to", None))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "model", [model for model in PERSONAL if _ids(model) not in MACHINES_OWN], ids=_ids
)
def test_nobody_sees_no_row_and_the_question_is_valid_sql(model):
    rows = model._default_manager.all()
    guide = Actor(guide_id=1, store_ids=frozenset({1}), region_ids=frozenset({1}))

    assert list(rows.visible_to(guide)[:1]) == []
    assert list(rows.visible_to(Actor())[:1]) == []
    assert rows.visible_to(guide).query.where


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "model_admin"),
    admin.site._registry.items(),
    ids=[_ids(model) for model in admin.site._registry],
)
def test_an_admin_page_asks_for_a_capability_and_bounds_its_rows(model, model_admin):
    assert isinstance(model_admin, RoomAdmin)
    assert model_admin.view_capability
    assert all(issubclass(inline, CapabilityMixin) for inline in model_admin.inlines)


@pytest.mark.parametrize("model", [m for m in PERSONAL if admin.site.is_registered(m)], ids=_ids)
def test_an_admin_page_over_people_offers_no_column_that_seals_or_keys_them(model):
    shown_by = admin.site._registry[model]
    shown = {str(name) for name in [*shown_by.list_display, *(shown_by.search_fields or [])]}

    assert not {name for name in shown if name.endswith(("_enc", "value_key", "secret_hash"))}


# --- jobs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.job)
def test_a_scheduled_job_exists_and_waits_on_a_queue(entry):
    assert queue_of(entry.job) in Queue
    assert entry.job in current_app.tasks
    assert str(entry.title)
    assert str(entry.purpose)


@pytest.mark.django_db
def test_the_schedule_is_seeded_once_after_migrate():
    seeded = set(PeriodicTask.objects.filter(task__in=[e.job for e in ENTRIES]).values_list("task"))

    assert seeded == {(entry.job,) for entry in ENTRIES}


def test_fields_of_people_that_a_reverse_name_could_leak_are_hidden():
    """A lower room asked for `member.<upper>` would read rows past `visible_to`."""
    member = apps.get_model("members.Member")
    upper = [
        relation.related_model._meta.label
        for relation in member._meta.related_objects
        if relation.related_model._meta.app_label != "members"
        and isinstance(relation, models.ManyToOneRel)
        and not relation.hidden
    ]

    assert upper == []
