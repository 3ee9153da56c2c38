"""The catalogue as another side changes it: taken over, renamed, retired."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.tagging import services
from apps.tagging.models import Tag, TagGroup, Winner

pytestmark = pytest.mark.django_db


def test_a_tag_taken_over_twice_is_one_and_its_group_is_the_other_side_s():
    first = services.take_over_tag(group="喜好", name="茶", winner=Winner.WECOM)
    again = services.take_over_tag(group="喜好", name="茶", winner=Winner.BOTH)
    assert first == again
    group = TagGroup.objects.get(name="喜好")
    assert (group.wecom, group.guides_may_apply) == (Winner.WECOM, False)


def test_a_name_that_another_tag_of_the_group_has_is_not_taken():
    tea, coffee = (
        services.take_over_tag(group="喜好", name=name, winner=Winner.WECOM)
        for name in ("茶", "咖啡")
    )
    elsewhere = services.take_over_tag(group="场合", name="咖啡", winner=Winner.WECOM)
    assert not services.rename_tag(tag_id=tea.pk, name="咖啡")
    assert services.rename_tag(tag_id=tea.pk, name="红茶")
    names = Tag.objects.filter(pk__in=[tea.pk, coffee.pk, elsewhere.pk]).order_by("pk")
    assert list(names.values_list("name", flat=True)) == ["红茶", "咖啡", "咖啡"]


def test_a_retired_tag_keeps_the_day_it_was_retired():
    tag = services.take_over_tag(group="喜好", name="茶", winner=Winner.WECOM)
    now = clock.now()
    assert services.retire_tags(tag_ids=[tag.pk], at=now) == 1
    assert services.retire_tags(tag_ids=[tag.pk], at=now + timedelta(days=1)) == 0
    tag.refresh_from_db()
    assert tag.retired_at == now
