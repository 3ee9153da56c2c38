"""What the planner is told of the members' tables beyond the columns."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]

    operations = [
        # merged persons are few; without this every plan that asks for them expects everybody
        migrations.RunSQL(
            "CREATE STATISTICS members_merged ON (survivor_id <> id) FROM members_member",
            "DROP STATISTICS members_merged",
        )
    ]
