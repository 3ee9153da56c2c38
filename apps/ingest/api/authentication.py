"""A machine at the door: its API key, and the actor behind it."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.accounts.actor import Actor
from apps.accounts.models import ApiKey
from apps.accounts.services import ExpiredApiKey, InvalidApiKey, authenticate_api_key
from apps.core import clock
from apps.stores.selectors import actor_for_api_key

_SCHEME = "Bearer"


@dataclass(frozen=True, slots=True)
class Machine:
    """What stands where a signed-in person would: a caller known by its key."""

    actor: Actor
    pk: None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`"""

    def authenticate(self, request: Request) -> tuple[Machine, ApiKey] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != _SCHEME.lower():
            return None
        now = clock.now()
        try:
            api_key = authenticate_api_key(raw=words[1], now=now)
        except (InvalidApiKey, ExpiredApiKey) as error:
            raise AuthenticationFailed(str(error), code=error.code) from error
        return Machine(actor_for_api_key(api_key=api_key, now=now)), api_key

    def authenticate_header(self, request: Request) -> str:
        return _SCHEME


class HasCapability(BasePermission):
    """The key must hold the one capability that the view names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        machine = request.user
        return isinstance(machine, Machine) and machine.actor.can(view.capability)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the key is described in the schema."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "API key"}
