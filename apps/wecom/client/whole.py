"""The client: the transport with every group of endpoints."""

from apps.core.pii import decrypt
from apps.wecom.client.acquisition import Acquisition
from apps.wecom.client.agents import Agents
from apps.wecom.client.contact_ways import ContactWays
from apps.wecom.client.contacts import Contacts
from apps.wecom.client.corps import customer_contact_app, default_corp
from apps.wecom.client.directory import Directory
from apps.wecom.client.figures import Figures
from apps.wecom.client.groups import Groups
from apps.wecom.client.jssdk import JsSdk
from apps.wecom.client.mass_sends import MassSends
from apps.wecom.client.media import MediaFiles
from apps.wecom.client.messages import Messages
from apps.wecom.client.moments import Moments
from apps.wecom.client.oauth import OAuth
from apps.wecom.client.tags import Tags
from apps.wecom.client.transfers import Transfers
from apps.wecom.client.transport import shared_cache
from apps.wecom.models import Corp, CorpApp


class WeComClient(
    Acquisition,
    Agents,
    ContactWays,
    Contacts,
    Directory,
    Figures,
    Groups,
    JsSdk,
    MassSends,
    MediaFiles,
    Messages,
    Moments,
    OAuth,
    Tags,
    Transfers,
):
    """One app of one corp. Cheap to make; keep it for one job or request, not for the process.

    Every method raises `WeComError` subclasses and nothing else.
    """


def client_of(app: CorpApp) -> WeComClient:
    """A client with the rights of this very app."""
    return WeComClient(
        corp_id=app.corp.corp_id,
        secret=decrypt(bytes(app.secret_enc)),
        agent_id=app.agent_id,
        redis=shared_cache(),
    )


def client_for(corp: Corp | None = None) -> WeComClient:
    """A client with the rights of the corp's customer-contact app (default: the active corp)."""
    return client_of(customer_contact_app(corp or default_corp()))
