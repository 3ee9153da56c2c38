import pytest

from tests.factories import outreach as make


@pytest.fixture
def corp(db):
    return make.connect_corp()


@pytest.fixture
def guide(corp, simulator):
    return make.make_posted_guide(simulator=simulator)
