"""How the rows lie: the hot row with room for updates in place."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("profiles", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE profiles_memberprofile SET (fillfactor = 80)",
            "ALTER TABLE profiles_memberprofile RESET (fillfactor)",
        )
    ]
