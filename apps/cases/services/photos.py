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
from apps.cases.selectors import may_take_back
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
def withdraw_photo(*, photo: CasePhoto, actor: Actor) -> None:
    """The wrong picture goes while the case is open. One that is gone already changes nothing.

    Raises NotYourPhoto, PhotoStays.
    """
    case = held(photo.case_id)
    rows = CasePhoto.objects.filter(pk=photo.pk)
    if not rows.exists():
        return
    if case.is_closed:
        raise PhotoStays
    if not may_take_back(photo, case, actor):
        raise NotYourPhoto
    _forget(rows)
    accounts.audit(
        actor=actor,
        action="case.photo_withdrawn",
        object_type="service_case",
        object_id=case.pk,
        detail={"store": case.store_id},
    )


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
