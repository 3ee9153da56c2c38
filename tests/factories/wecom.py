"""What the client remembers between calls, for tests that move the clock but not the world's."""

from apps.wecom.client import shared_cache


def pauses_are_over():
    """The time for which WeCom asked us to wait has passed."""
    cache = shared_cache()
    for key in cache.keys("wecom:governor:*"):
        cache.delete(key)
