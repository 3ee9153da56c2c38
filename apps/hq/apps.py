from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


class HqConfig(AppConfig):
    name = "apps.hq"
    label = "hq"
    verbose_name = _("Head office")

    def ready(self) -> None:
        # sent for the app whose tables the entries live in: hq has no models of its own
        post_migrate.connect(
            # by name: it reads models, which are not there when this module is
            import_string("apps.hq.beat_schedule.seed"),
            sender=apps.get_app_config("django_celery_beat"),
            dispatch_uid="hq.beat_schedule",
        )


class HqAdminConfig(AdminConfig):
    """Every room registers with plain `django.contrib.admin`; this is the site it lands on."""

    default_site = "apps.hq.site.HqAdminSite"
