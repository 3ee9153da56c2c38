"""The database as `settings.DATABASES` names it: see `base`, where Django looks for it."""
