"""Looks, made by the service a guide's page calls."""

import uuid

from apps.looks import services
from tests.factories.facts import make_product
from tests.factories.tasks import guide_actor


def put_together(guide, now, *products, **fields):
    pieces = products or (make_product(), make_product())
    values = {
        "title": "周末通勤",
        "words": "同色系，走一天不累。",
        "product_ids": [piece.pk for piece in pieces],
        "actor": guide_actor(guide, now),
        "client_id": uuid.uuid4(),
        **fields,
    }
    return services.make_look(now=now, **values)
