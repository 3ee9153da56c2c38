"""客户卡要点: set by head office, three different ones, on the record."""

from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.guide_portal.models import LeadingFacts

ADD = reverse("admin:guide_portal_leadingfacts_add")
THREE = {"stage": "", "first": "net_365", "second": "category", "third": "last_contact"}


def test_three_different_facts_are_chosen_once_for_each_stage(operator_client):
    twice = operator_client.post(ADD, {**THREE, "third": "category"})
    assert "请选三个不同的要点" in twice.content.decode()
    assert not LeadingFacts.objects.exists()

    assert operator_client.post(ADD, THREE).status_code == 302
    again = operator_client.post(ADD, THREE)
    assert (again.status_code, LeadingFacts.objects.count()) == (200, 1)
    assert operator_client.post(ADD, {**THREE, "stage": "silent"}).status_code == 302


def test_a_change_and_its_end_are_on_the_record(operator_client):
    row = LeadingFacts.objects.create()
    change = reverse("admin:guide_portal_leadingfacts_change", args=[row.pk])
    assert operator_client.post(change, THREE).status_code == 302
    row.refresh_from_db()
    assert (row.first, row.second, row.third) == ("net_365", "category", "last_contact")

    delete = reverse("admin:guide_portal_leadingfacts_delete", args=[row.pk])
    assert operator_client.post(delete, {"post": "yes"}).status_code == 302
    kept = AuditEntry.objects.filter(object_type="guide_portal.leadingfacts")
    assert {one.action for one in kept} == {"leadingfacts.changed", "leadingfacts.deleted"}
