"""A question written once for a size of scope answers each actor as the rule itself does."""

import pytest

from apps.accounts.actor import NOBODY, SYSTEM, Actor
from apps.accounts.scoped import Scoped
from apps.guide_tasks.models import GuideTask
from apps.stores.models import Guide, Store
from tests.factories.facts import make_store
from tests.factories.tasks import hand_out, make_team, members_of

TASKS = Scoped(
    lambda actor: GuideTask.objects.visible_to(actor).select_related("guide").order_by("pk")
)
STORES = Scoped(lambda actor: Store.objects.visible_to(actor).order_by("pk").values_list("pk"))


@pytest.mark.django_db
def test_everybody_sees_what_the_rule_lets_them_see(moment, django_assert_num_queries):
    first, second = make_store(), make_store()
    for store in (first, second):
        hand_out(members_of(make_team(moment, guides=2, friends=1, store=store)), moment)
    guide, colleague = Guide.objects.order_by("pk")[:2]
    actors = [
        NOBODY,
        SYSTEM,
        Actor(guide_id=guide.pk),
        Actor(guide_id=colleague.pk),
        Actor(store_ids=frozenset([first.pk])),
        Actor(store_ids=frozenset([second.pk])),
        Actor(store_ids=frozenset([first.pk, second.pk])),
        Actor(region_ids=frozenset([first.region_id])),
        Actor(guide_id=guide.pk, store_ids=frozenset([second.pk])),
    ]
    assert GuideTask.objects.count() == 4

    for actor in actors:
        expected = list(GuideTask.objects.visible_to(actor).order_by("pk"))
        with django_assert_num_queries(0 if actor == NOBODY else 1):
            assert TASKS.rows(actor) == expected
        seen = Store.objects.visible_to(actor).order_by("pk").values_list("pk", flat=True)
        assert [pk for (pk,) in STORES.tuples(actor)] == list(seen)
    assert [task.guide_id for task in TASKS.rows(Actor(guide_id=colleague.pk))] == [colleague.pk]
