"""Who is drawn into which arm: the same bytes in PostgreSQL and in Python.

bucket = first four bytes (big-endian, unsigned) of sha256(salt ‖ 8-byte big-endian member id) mod
10,000; a bucket below the control share in basis points is the control group.
"""

BUCKETS = 10_000


def bucket_sql(column: str) -> str:
    """SQL of a member's bucket; it holds one placeholder, for the salt."""
    digest = f"sha256(%s::bytea || int8send({column}))"
    return f"(('x' || encode(substr({digest}, 1, 4), 'hex'))::bit(32)::bigint %% {BUCKETS})::int"
