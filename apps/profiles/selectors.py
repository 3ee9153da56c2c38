"""Reads about profiles, and the stage in a sentence a store manager can follow."""

from collections.abc import Iterable
from datetime import datetime

from django.core.cache import cache
from django.utils.translation import gettext as _

from apps.core import clock
from apps.profiles.chances import Chances, table_of
from apps.profiles.models import MemberFacts, MemberProfile, ReturnShare, Stage, StageVersion

CHANCES_KEY = "profiles:return_chances"
CHANCES_SECONDS = 600


def current_version(now: datetime) -> StageVersion:
    """The limits in force; before anything is published the house's own."""
    published = StageVersion.objects.filter(published_at__lte=now).order_by("-published_at", "-pk")
    return published.first() or StageVersion(published_at=now)


def profiles_of(member_ids: Iterable[int]) -> dict[int, MemberProfile]:
    """Profiles of survivors; of whom nothing is known yet, the empty one."""
    ids = list(member_ids)
    found = MemberProfile.objects.in_bulk(ids)
    return {pk: found.get(pk) or MemberProfile(member_id=pk) for pk in ids}


def profile_of(member_id: int) -> MemberProfile:
    """The profile of one survivor; the empty one when nothing is known yet."""
    return profiles_of([member_id])[member_id]


def return_chances() -> Chances:
    """The shares that came back, as counted last; without a count it knows of nobody.

    A handful of rows that change once a day: kept, so that no page asks for them.
    """
    rows = cache.get(CHANCES_KEY)
    if rows is None:
        found = ReturnShare.objects.values_list("away_from", "orders_from", "members", "returned")
        rows = list(found)
        cache.set(CHANCES_KEY, rows, CHANCES_SECONDS)
    return table_of(rows)


def facts_of(member_ids: Iterable[int]) -> dict[int, MemberFacts]:
    """Sizes, taste and rhythm of survivors; the empty row when nothing is known."""
    ids = list(member_ids)
    found = MemberFacts.objects.in_bulk(ids)
    return {pk: found.get(pk) or MemberFacts(member_id=pk) for pk in ids}


def stage_sentence(
    profile: MemberProfile, now: datetime, *, version: StageVersion | None = None
) -> str:
    """Why this stage, in one sentence. Lists give the version, so that it is read once."""
    if profile.last_order_on is None or profile.first_order_on is None:
        return _("Has not bought anything yet.")
    limits = version or current_version(now)
    today = clock.business_day(now)
    away = (today - profile.last_order_on).days
    if profile.stage == Stage.NEW:
        return _("First bought %(days)s days ago; counts as new for the first %(limit)s days.") % {
            "days": (today - profile.first_order_on).days,
            "limit": limits.new_days,
        }
    if profile.stage == Stage.ACTIVE:
        if not away:
            return _("Bought today; active for less than %(limit)s days.") % {
                "limit": limits.silent_after_days
            }
        return _("Last bought %(days)s days ago; active for less than %(limit)s days.") % {
            "days": away,
            "limit": limits.silent_after_days,
        }
    if profile.stage == Stage.SILENT:
        return _("Has not bought for %(days)s days; silent from %(limit)s days.") % {
            "days": away,
            "limit": limits.silent_after_days,
        }
    return _("Has not bought for %(days)s days; lost from %(limit)s days.") % {
        "days": away,
        "limit": limits.lost_after_days,
    }
