"""How the rows lie: the log by month, the hot row with room for updates in place."""

from django.db import migrations

from apps.core.partitions import PartitionTable


class Migration(migrations.Migration):
    dependencies = [("tagging", "0001_initial")]

    operations = [
        PartitionTable("tagchange", column="at"),
        migrations.RunSQL(
            "ALTER TABLE tagging_membertags SET (fillfactor = 80)",
            "ALTER TABLE tagging_membertags RESET (fillfactor)",
        ),
    ]
