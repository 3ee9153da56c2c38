"""Writes of the planning: a campaign, and the draw into its arms."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.campaigns.draw import bucket_sql
from apps.campaigns.models import Campaign, CampaignAssignment
from apps.core.errors import DomainError


class BadCampaign(DomainError):
    """The campaign's values do not fit together."""

    code = "bad_campaign"
    message = _("The campaign cannot be made like this.")


@transaction.atomic
def create_campaign(
    *,
    name: str,
    starts_at: datetime,
    actor: Actor,
    goal: str = Campaign.Goal.SELL,
    ends_at: datetime | None = None,
    window_days: int = 7,
    control_share_bp: int = 1000,
) -> Campaign:
    """Make a campaign with a salt of its own. Raises BadCampaign."""
    if not 0 <= control_share_bp <= 9000:
        raise BadCampaign(_("The control group may hold between 0 and 90 per cent."))
    if ends_at is not None and ends_at <= starts_at:
        raise BadCampaign(_("The campaign ends before it starts."))
    return Campaign.objects.create(
        name=name,
        goal=goal,
        starts_at=starts_at,
        ends_at=ends_at,
        window_days=window_days,
        control_share_bp=control_share_bp,
        created_by=actor.label,
    )


def draw_sql(
    campaign: Campaign, source: str, params: Sequence[Any] = (), *, among: str = "true"
) -> tuple[str, list[Any]]:
    """The rows of `source` (SQL with a column member_id) with their bucket and arm; both are empty
    where `among` (SQL about the row `given`) does not hold.

    An assignment made before wins over the draw.
    """
    # "offset 0": without it PostgreSQL hashes each member once for the bucket and again for the arm
    sql = f"""
        SELECT drawn.*, CASE WHEN bucket IS NOT NULL THEN coalesce(
            known_arm, CASE WHEN bucket < %s THEN 'control' ELSE 'treated' END) END AS arm
        FROM (SELECT given.*, a.arm AS known_arm, CASE WHEN {among} THEN
                  coalesce(a.bucket, {bucket_sql("given.member_id")}) END AS bucket
              FROM ({source}) AS given
              LEFT JOIN campaigns_campaignassignment AS a
                  ON a.campaign_id = %s AND a.member_id = given.member_id
              OFFSET 0) AS drawn"""
    return sql, [campaign.control_share_bp, bytes(campaign.salt), *params, campaign.pk]


@transaction.atomic
def assign_from(*, campaign: Campaign, source: str, now: datetime) -> None:
    """Store the arm of every member of `source` (SQL with columns member_id, bucket, arm; each
    member once). The first assignment wins; it is kept when the member was last planned with.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO campaigns_campaignassignment AS known
                    (campaign_id, member_id, bucket, arm, assigned_at, planned_at)
                SELECT %s, member_id, bucket, arm, %s, %s FROM ({source}) AS drawn
                ORDER BY member_id  -- the order of the index
                ON CONFLICT (campaign_id, member_id) DO UPDATE
                    SET planned_at = excluded.planned_at
                    WHERE known.planned_at < excluded.planned_at""",
            [campaign.pk, now, now],
        )


@transaction.atomic
def assign(*, campaign: Campaign, member_ids: Iterable[int], now: datetime) -> dict[str, int]:
    """Draw members into arms, set-wise; who was drawn before keeps the arm. Returns counts per
    arm.
    """
    # the lock serialises draws of one campaign, so that what was read is what is stored
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    ids = "{" + ",".join(str(int(each)) for each in member_ids) + "}"
    draw, params = draw_sql(campaign, "SELECT member_id FROM assign_given")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS assign_given, assign_drawn")
        cursor.execute(
            "CREATE TEMP TABLE assign_given ON COMMIT DROP AS"
            " SELECT DISTINCT unnest(%s::bigint[]) AS member_id",
            [ids],
        )
        cursor.execute(f"CREATE TEMP TABLE assign_drawn ON COMMIT DROP AS {draw}", params)
        cursor.execute("SELECT arm, count(*) FROM assign_drawn GROUP BY arm")
        counts = dict.fromkeys(CampaignAssignment.Arm.values, 0) | dict(cursor.fetchall())
    assign_from(
        campaign=campaign, source="SELECT member_id, bucket, arm FROM assign_drawn", now=now
    )
    return counts
