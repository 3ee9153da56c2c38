"""The record calls a complaint's kinds and results as the pages do."""

import pytest

from apps.accounts.record_words import plain
from apps.cases.models import Kind, Result


@pytest.mark.parametrize("choice", [*Kind, *Result])
def test_the_record_names_what_a_complaint_was_about_and_what_came_of_it(choice):
    assert plain(choice.value) == str(choice.label) != choice.value
