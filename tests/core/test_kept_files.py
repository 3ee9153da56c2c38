"""A picture that no row names is deleted after a day; whatever a row names stays."""

import os
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.core.kept_files import forget_files
from apps.outreach import attachments
from apps.outreach.models import Attachment, Dispatch, MessageTemplate
from tests.factories.outreach import make_friends, make_posted_guide, request_send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def keep(*, days=2):
    """A picture as a form keeps it, so many days ago."""
    name = attachments.keep_file(ContentFile(b"picture", name="any.png"))
    long_ago = (clock.now() - timedelta(days=days)).timestamp()
    os.utime(default_storage.path(name), (long_ago, long_ago))
    return name


def test_only_what_no_row_names_goes_and_only_after_a_day():
    replaced, fresh, chosen, sent = keep(), keep(days=0), keep(), keep()
    script = MessageTemplate.objects.create(name="新靴", body="到了新靴。")
    Attachment.objects.create(script=script, kind="image", picture=chosen)
    guide = make_posted_guide()
    dispatch = request_send(guide, make_friends(guide))
    Dispatch.objects.filter(pk=dispatch.pk).update(attachments=[attachments.picture(sent)])

    assert forget_files(now=clock.now()) == 1

    there = {name: default_storage.exists(name) for name in (replaced, fresh, chosen, sent)}
    assert there == {replaced: False, fresh: True, chosen: True, sent: True}
    assert forget_files(now=clock.now()) == 0


def test_each_table_is_read_once_however_many_files_lie_there():
    with CaptureQueriesContext(connection) as one_file:
        keep()
        forget_files(now=clock.now())
    with CaptureQueriesContext(connection) as many_files:
        for _one in range(30):
            keep()
        assert forget_files(now=clock.now()) == 30

    assert len(many_files) == len(one_file)


def test_what_lies_outside_our_own_folders_is_not_touched():
    other = default_storage.save("reports/old.png", ContentFile(b"picture"))
    os.utime(default_storage.path(other), (0, 0))

    assert forget_files(now=clock.now()) == 0

    assert default_storage.exists(other)


def test_a_picture_of_a_moments_post_or_a_group_stays_with_them():
    named = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name == "attachments"
    }

    assert {"outreach.Dispatch.attachments", "outreach.MomentPost.attachments"} <= named
    assert {"outreach.Welcome.attachments", "guide_tasks.TaskPush.attachments"} <= named
