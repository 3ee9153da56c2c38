"""Photos of a complaint: few, each there once, gone with the words."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.cases.errors import ClosedForPhotos, NotYourPhoto, PhotosEnough, PhotoStays
from apps.cases.models import CasePhoto, ServiceCase
from apps.cases.selectors import may_settle
from apps.cases.services.steps import held
from apps.core import photos

MOST = 3


@transaction.atomic
def add_photos(
    *, case_id: int, raws: Sequence[bytes], actor: Actor, now: datetime
) -> list[CasePhoto]:
    """Keep these pictures with the case, all of them or none; what is there already changes
    nothing. Returns the new ones.

    Raises PhotosEnough, ClosedForPhotos, PhotoRefused, PhotoTooLarge.
    """
    sent = _cleaned(raws)
    rows = ServiceCase.objects.visible_to(actor).select_for_update(of=("self",))
    case = rows.get(pk=case_id)
    known = set(case.photos.values_list("digest", flat=True))
    fresh = {digest: picture for digest, picture in sent.items() if digest not in known}
    if not fresh:
        return []
    if case.is_closed:
        raise ClosedForPhotos
    if len(known) + len(fresh) > MOST:
        raise PhotosEnough(most=MOST)
    kept = [CasePhoto(case=case, digest=digest, at=now, actor=actor.label) for digest in fresh]
    for row, picture in zip(kept, fresh.values(), strict=True):
        row.photo.save(str(picture.name), picture, save=False)
    CasePhoto.objects.bulk_create(kept)
    accounts.audit(
        actor=actor,
        action="case.photos",
        object_type="service_case",
        object_id=case.pk,
        detail={"store": case.store_id, "count": len(kept)},
    )
    return kept


@transaction.atomic
def withdraw_photo(*, photo_id: int, actor: Actor, now: datetime) -> ServiceCase | None:
    """The wrong picture: it goes, by who added it or who settles the case, while the case is open.
    None: it is gone already.

    Raises NotYourPhoto, PhotoStays.
    """
    rows = CasePhoto.objects.visible_to(actor).select_related("case__store")
    photo = rows.filter(pk=photo_id).first()
    if photo is None:
        return None
    case = held(photo.case_id)
    if case.is_closed:
        raise PhotoStays
    if photo.actor != actor.label and not may_settle(case, actor):
        raise NotYourPhoto
    _forget(CasePhoto.objects.filter(pk=photo.pk))
    accounts.audit(
        actor=actor,
        action="case.photo_withdrawn",
        object_type="service_case",
        object_id=case.pk,
        detail={"store": case.store_id},
    )
    return case


def demand_few(count: int) -> None:
    """Before anything is read. Raises PhotosEnough."""
    if count > MOST:
        raise PhotosEnough(most=MOST)


def _cleaned(raws: Sequence[bytes]) -> dict[str, ContentFile]:
    """The pictures by what is in them."""
    demand_few(len(raws))
    pictures = [photos.clean(raw) for raw in raws]
    return {_digest(one): one for one in pictures}


def _digest(picture: ContentFile) -> str:
    picture.seek(0)
    digest = hashlib.sha256(picture.read()).hexdigest()
    picture.seek(0)
    return digest


def forget_photos(*, case_ids: Collection[int]) -> None:
    """Rows now, files once that is certain."""
    _forget(CasePhoto.objects.filter(case_id__in=case_ids))


def _forget(rows: QuerySet[CasePhoto]) -> None:
    names = list(rows.values_list("photo", flat=True))
    rows.delete()
    for name in names:
        transaction.on_commit(partial(default_storage.delete, name))
