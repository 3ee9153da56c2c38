"""How the facts' tables lie in PostgreSQL."""

import pytest
from django.db import connection
from django.utils import timezone

from apps.members.models import Member

pytestmark = pytest.mark.django_db


def _scalar(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("table", ["orders_orderline", "tagging_tagchange"])
def test_monthly_tables_are_partitioned(table):
    assert _scalar(f"SELECT relkind FROM pg_class WHERE relname = '{table}'") == "p"


@pytest.mark.parametrize("table", ["profiles_memberprofile", "tagging_membertags"])
def test_hot_rows_leave_room_for_updates_in_place(table):
    options = _scalar(f"SELECT reloptions FROM pg_class WHERE relname = '{table}'")

    assert options == ["fillfactor=80"]


def test_member_ids_can_be_drawn_from_their_sequence():
    first = _scalar("SELECT nextval(pg_get_serial_sequence('members_member', 'id'))")
    second = _scalar("SELECT nextval(pg_get_serial_sequence('members_member', 'id'))")

    assert second == first + 1


def test_who_was_erased_since_a_moment_is_found_without_reading_all_members():
    with connection.cursor() as cursor:
        # of an empty table PostgreSQL would read the one page
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "members_erased_when" in Member.objects.filter(erased_at__gte=timezone.now()).explain()
