import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

PROJECT = Path(__file__).resolve().parents[2]
LAYERS = [
    {"guide_portal", "member_portal", "hq"},
    {"reports"},
    {"wecom_sync", "ingest"},
    {"risks"},
    {"handovers", "looks", "newcomers"},
    {"guide_tasks"},
    {
        *("contact_codes", "customer_groups", "appointments", "cases", "commissions"),
        *("concessions", "stock", "news"),
    },
    {"outreach"},
    {"campaigns"},
    {"segments"},
    {"profiles"},
    {"loyalty"},
    {"tagging", "orders"},
    {"timeline"},
    {"members"},
    {"stores", "wecom"},
    {"accounts"},
    {"core"},
]
HEIGHT = {room: -level for level, rooms in enumerate(LAYERS) for room in rooms}


def _relations():
    for model in apps.get_models():
        if model._meta.app_label not in HEIGHT:
            continue
        for field in model._meta.get_fields(include_hidden=True):
            if field.is_relation and not field.auto_created and field.related_model:
                yield pytest.param(field, id=f"{model._meta.label}.{field.name}")


@pytest.mark.parametrize("field", list(_relations()))
def test_a_relation_points_downwards_or_home(field):
    """Foreign keys by string leave no import for the import contracts to see."""
    here, there = field.model._meta.app_label, field.related_model._meta.app_label

    assert there == here or there not in HEIGHT or HEIGHT[there] < HEIGHT[here]


@pytest.mark.parametrize("field", list(_relations()))
def test_a_lower_room_gets_no_reverse_name(field):
    """`member.guide_tasks` would let a lower room reach up."""
    here, there = field.model._meta.app_label, field.related_model._meta.app_label

    assert here == there or there not in HEIGHT or field.remote_field.hidden


def test_every_room_has_its_place():
    rooms = {path.parent.name for path in (PROJECT / "apps").glob("*/apps.py")}

    assert rooms - {"wecom_simulator"} == set(HEIGHT)


@pytest.mark.slow
def test_the_import_contracts_hold():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout[-3000:]
