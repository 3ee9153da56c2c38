"""Writes of the place: who works where, and who has left."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from psycopg.types.range import DateRange

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core.errors import DomainError
from apps.stores.models import Guide, Posting, Store


class PostingOverlaps(DomainError):
    code = "posting_overlaps"


@transaction.atomic
def post_guide(
    *, guide: Guide, store: Store, role: str, from_day: date, until_day: date | None = None
) -> Posting:
    """Post a guide to a store from a day on; the posting of before ends that day. Safe to repeat.

    Raises PostingOverlaps when a later posting already stands.
    """
    Guide.objects.select_for_update().get(pk=guide.pk)
    postings = Posting.objects.filter(guide=guide)
    same = postings.filter(store=store, role=role, during=DateRange(from_day, until_day)).first()
    if same is not None:
        return same
    if postings.filter(during__startswith__gt=from_day).exists():
        raise PostingOverlaps(_("A later posting of this guide stands already. End it first."))
    postings.filter(during__startswith=from_day).delete()
    for before in postings.on(from_day):
        before.during = DateRange(before.during.lower, from_day)
        before.save(update_fields=["during"])
    _give_role(guide=guide, role=role)
    return Posting.objects.create(
        guide=guide, store=store, role=role, during=DateRange(from_day, until_day)
    )


def _give_role(*, guide: Guide, role: str) -> None:
    """The posting decides whether the person signs in as guide or as store manager."""
    if guide.user_id is not None:
        wanted = Role.STORE_MANAGER if role == Posting.PostingRole.STORE_MANAGER else Role.GUIDE
        User.objects.filter(pk=guide.user_id).exclude(role=wanted).update(role=wanted)


@transaction.atomic
def keep_guide(*, corp_id: str, wecom_userid: str, name: str) -> Guide:
    """The guide behind a WeCom account, made if missing, with the name WeCom shows."""
    guide, _made = Guide.objects.update_or_create(
        corp_id=corp_id, wecom_userid=wecom_userid, defaults={"name": name[:40]}
    )
    return guide


@transaction.atomic
def guide_leaves(*, guide: Guide, now: datetime, on: date) -> None:
    """The guide has left: no posting, no sign-in from that day on. Safe to repeat."""
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    if guide.status == Guide.Status.LEFT:
        return
    Posting.objects.filter(guide=guide, during__startswith__gte=on).delete()
    for posting in Posting.objects.on(on).filter(guide=guide):
        posting.during = DateRange(posting.during.lower, on)
        posting.save(update_fields=["during"])
    guide.status, guide.left_at = Guide.Status.LEFT, now
    guide.save(update_fields=["status", "left_at"])
    if guide.user_id is not None:
        User.objects.filter(pk=guide.user_id).update(is_active=False)


@transaction.atomic
def user_of_guide(*, guide: Guide) -> User:
    """The account behind a guide, made at the first WeCom sign-in. It has no usable password."""
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    if guide.user is not None:
        return guide.user
    user = User(username=f"wecom:{guide.corp_id}:{guide.wecom_userid}", last_name=guide.name)
    user.set_unusable_password()
    user.save()
    guide.user = user
    guide.save(update_fields=["user"])
    posting = Posting.objects.filter(guide=guide).order_by("-during").first()
    if posting is not None:
        _give_role(guide=guide, role=posting.role)
        user.refresh_from_db()
    return user
