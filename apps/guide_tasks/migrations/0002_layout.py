"""How the rows lie: a target is updated a few times after its insert, so each page keeps some room."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("guide_tasks", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE guide_tasks_tasktarget SET (fillfactor = 90)",
            "ALTER TABLE guide_tasks_tasktarget RESET (fillfactor)",
        )
    ]
