"""A query written once answers as the ORM does, for every value and in every thread."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import BigIntegerField, DateTimeField, Exists, OuterRef

from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.stores.models import Guide, Posting, Store
from tests.factories.facts import make_store
from tests.factories.tasks import make_team


def _postings(guide, since):
    worked = Posting.objects.filter(guide_id=OuterRef("guide_id"), store_id=OuterRef("store_id"))
    return (
        Posting.objects.filter(guide_id=guide, guide__created_at__gte=since - timedelta(days=1))
        .annotate(worked=Exists(worked))
        .select_related("guide", "store")
        .order_by("pk")
    )


ASKED = Compiled(
    lambda: _postings(Place("guide", BigIntegerField()), Place("since", DateTimeField()))
)
NAMES = Compiled(
    lambda: Store.objects.filter(pk=Place("store", BigIntegerField())).values_list("name", "pk")
)


@pytest.mark.django_db
def test_the_rows_are_those_of_the_orm_with_their_relations(moment, django_assert_num_queries):
    make_team(moment, guides=2, friends=1, store=make_store())
    since = clock.now() - timedelta(days=3650)

    for guide in Guide.objects.all():
        expected = list(_postings(guide.pk, since))
        with django_assert_num_queries(1):
            found = ASKED.rows(guide=guide.pk, since=since)
            assert [one.guide.name for one in found] == [guide.name]
        assert found == expected
        assert [one.store for one in found] == [one.store for one in expected]
        assert [one.worked for one in found] == [True]
        assert not found[0]._state.adding
    assert ASKED.rows(guide=0, since=since) == []
    assert ASKED.rows(guide=guide.pk, since=clock.now() + timedelta(days=2)) == []


@pytest.mark.django_db
def test_a_list_of_ids_goes_into_one_place():
    stores = [make_store(), make_store(), make_store()]
    asked = Compiled(lambda: Store.objects.filter(among("pk", "ids")).order_by("pk"))

    assert asked.rows(ids=[one.pk for one in stores[1:]]) == stores[1:]
    assert asked.rows(ids=[stores[0].pk]) == stores[:1]
    assert asked.rows(ids=[]) == []


@pytest.mark.django_db
def test_values_come_as_tuples(moment):
    store, other = make_store(), make_store()

    assert NAMES.tuples(store=store.pk) == [(store.name, store.pk)]
    assert NAMES.tuples(store=other.pk) == [(other.name, other.pk)]
    assert NAMES.tuples(store=0) == []


@pytest.mark.django_db
def test_what_never_changes_stands_in_the_text():
    store = make_store()
    Store.objects.filter(pk=store.pk).update(name="50% '%s' off")
    named = Compiled(
        lambda: Store.objects.filter(
            pk=Place("store", BigIntegerField()), name__in=["50% '%s' off", "x"]
        ).values_list("pk")
    )

    sql, params = named.statement(store=store.pk)
    assert params == (store.pk,)
    assert "off'" in sql
    assert named.tuples(store=store.pk) == [(store.pk,)]
    assert named.tuples(store=0) == []


@pytest.mark.django_db(transaction=True)
def test_every_thread_asks_on_its_own_connection():
    store = make_store()
    NAMES.tuples(store=store.pk)
    found = []

    def ask():
        try:
            found.append(NAMES.tuples(store=store.pk))
        finally:
            connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert found == [[(store.name, store.pk)]]


@pytest.mark.django_db
def test_a_value_that_was_forgotten_is_said():
    with pytest.raises(KeyError):
        NAMES.tuples()
