"""Who belongs to the places of a push without customers, as SQL: on that day, and at work on it."""

# who belongs on that day to the chosen places; no place chosen = the chain
POSTED = """
SELECT p.guide_id, p.store_id, p.role FROM stores_posting AS p
JOIN stores_guide AS g ON g.id = p.guide_id AND g.status = 'active'
JOIN stores_store AS s ON s.id = p.store_id AND s.opened_on <= %(day)s
    AND s.live_since IS NOT NULL AND (s.closed_on IS NULL OR s.closed_on > %(day)s)
WHERE p.during @> %(day)s::date AND (
    (cardinality(%(regions)s::bigint[]) = 0 AND cardinality(%(stores)s::bigint[]) = 0)
    OR s.region_id = ANY(%(regions)s::bigint[]) OR s.id = ANY(%(stores)s::bigint[]))
"""
# and works on it
ON_DUTY = f"""{POSTED}
    AND NOT EXISTS (
        SELECT 1 FROM stores_dayoff AS off WHERE off.guide_id = p.guide_id AND off.day = %(day)s)
    AND NOT EXISTS (
        SELECT 1 FROM stores_storeday AS shut WHERE shut.store_id = s.id AND shut.day = %(day)s)
"""
