"""Pushes without customers, and small pictures that are real ones."""

import itertools
import struct
import zlib
from datetime import date, time, timedelta
from types import SimpleNamespace

from django.utils import timezone
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Capability
from apps.guide_tasks import services
from apps.guide_tasks.models import TaskPush
from apps.stores.models import Posting
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import guide_actor, manager_actor

_numbers = itertools.count(1)


def make_item_push(now, **fields):
    if abs(timezone.now() - now) < timedelta(days=1):  # a test at the real time has no night
        fields = {"hand_out_from": time(0), "hand_out_until": time(0), **fields}
    defaults = {
        "kind": TaskPush.Kind.FREE,
        "title": f"换橱窗 {next(_numbers)}",
        "body": "周五前换上秋冬主题。",
        "due_at": now + timedelta(days=2),
    }
    asked = {"now": now, "actor": SYSTEM}
    asked |= {name: fields.pop(name) for name in ("actor", "client_id") if name in fields}
    wanted = services.WantedItems(**{**defaults, **fields})
    return services.create_item_push(wanted=wanted, **asked)


def open_item_shop(now):
    """A store, two guides, and who leads it; everybody can act, head office too."""
    store = make_store()
    guides = [make_guide(store, corp=CORP) for _one in range(2)]
    manager = make_guide(None, corp=CORP)
    Posting.objects.create(
        guide=manager, store=store, role="store_manager", during=DateRange(date(2020, 1, 1), None)
    )
    return SimpleNamespace(
        now=now,
        store=store,
        guides=guides,
        manager=manager,
        mine=guide_actor(guides[0], now),
        colleague=guide_actor(guides[1], now),
        lead=manager_actor(manager, store, now),
        hq=Actor(user_id=1, sees_all=True, capabilities=frozenset(Capability)),
    )


def _segment(code, body):
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def jpeg(*, width=16, height=9, exif=b"", orientation=1):
    """The bones of a JPEG: every part that has to be there, a scan of one byte."""
    parts = [b"\xff\xd8"]
    if exif:
        entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
        tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + b"\0\0\0\0" + exif
        parts.append(_segment(0xE1, b"Exif\0\0" + tiff))
    else:
        parts.append(_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"))
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"))
    parts.append(_segment(0xDA, b"\1\1\0\0\x3f\0"))
    return b"".join(parts) + b"\x2a\xff\xd9"


def _chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*, width=120, height=90, extra=b"", colour=(214, 120, 64)):
    """A plain picture that a browser shows."""
    line = b"\0" + bytes(colour) * width
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IDAT", zlib.compress(line * height))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + extra + body + _chunk(b"IEND", b"")
