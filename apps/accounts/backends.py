"""Who a session belongs to: asked for every page, so the question is written once."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import BigIntegerField

from apps.accounts.models import User
from apps.core.compiled import Compiled, Place

_USER = Compiled(lambda: User.objects.filter(pk=Place("user", BigIntegerField())))


class Accounts(ModelBackend):
    """Django's own backend of people with passwords, whose look-up costs a page less."""

    def get_user(self, user_id: Any) -> User | None:
        user = next(iter(_USER.rows(user=int(user_id))), None)
        return user if user is not None and self.user_can_authenticate(user) else None
