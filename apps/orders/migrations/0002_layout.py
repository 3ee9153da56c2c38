"""How the rows lie: lines by month of payment."""

from django.db import migrations

from apps.core.partitions import PartitionTable


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [PartitionTable("orderline", column="paid_at")]
