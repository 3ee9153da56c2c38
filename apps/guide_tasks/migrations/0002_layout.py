"""How the rows lie: a target is updated a few times after its insert, so each page keeps some room.
The arrays of a hand-out's parts live for a minute: packing them would take longer than writing."""

from django.db import migrations

_ARRAYS = "member_ids places guide_ids store_ids external_userids opens buckets".split()


class Migration(migrations.Migration):
    dependencies = [("guide_tasks", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE guide_tasks_handoutpart "
            + ", ".join(f"ALTER {name} SET STORAGE EXTERNAL" for name in _ARRAYS),
            "ALTER TABLE guide_tasks_handoutpart "
            + ", ".join(f"ALTER {name} SET STORAGE EXTENDED" for name in _ARRAYS),
        ),
        migrations.RunSQL(
            "ALTER TABLE guide_tasks_tasktarget SET (fillfactor = 90)",
            "ALTER TABLE guide_tasks_tasktarget RESET (fillfactor)",
        )
    ]
