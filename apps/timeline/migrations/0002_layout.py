"""How the rows lie: events by month, keys by hash."""

from django.db import migrations

from apps.core.partitions import PartitionTable


class Migration(migrations.Migration):
    dependencies = [("timeline", "0001_initial")]

    operations = [
        PartitionTable("memberevent", column="occurred_at"),
        PartitionTable("eventkey", column="key_hash", by="hash"),
        # a block-range index for time spans across members; 72 kB where a btree takes megabytes
        migrations.RunSQL(
            "CREATE INDEX timeline_event_time ON timeline_memberevent USING brin (occurred_at)",
            "DROP INDEX timeline_event_time",
        ),
    ]
