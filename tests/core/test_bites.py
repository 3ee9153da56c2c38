"""Many rows go in bites, and no others."""

import pytest

from apps.core import clock
from apps.core.bites import delete_in_bites
from apps.core.models import JobRun

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("bite", [2, 5, 100])
def test_everything_asked_for_goes_whatever_the_bite(bite):
    for name in ["old"] * 5 + ["new"] * 2:
        JobRun.objects.create(name=name, started_at=clock.now())
    assert delete_in_bites(JobRun.objects.filter(name="old"), bite=bite) == 5
    assert set(JobRun.objects.values_list("name", flat=True)) == {"new"}
    assert delete_in_bites(JobRun.objects.filter(name="old"), bite=bite) == 0
