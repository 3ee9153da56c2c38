"""`manage.py bench`: where it does not begin at all."""

import pytest
from django.core.management import CommandError, call_command


def test_under_the_test_settings_nothing_is_measured():
    with pytest.raises(CommandError, match="test settings"):
        call_command("bench", "pages")
