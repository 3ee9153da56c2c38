"""`manage.py after_restore`: run once after a dump was restored into another cluster."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.timeline.services import after_restore


class Command(BaseCommand):
    help = "Open a new epoch of the timeline feed; run once after every restore."

    def handle(self, *args: Any, **options: Any) -> None:
        epoch = after_restore()
        self.stdout.write(f"Epoch {epoch.pk} of the timeline feed is open.")
