"""How often WeCom lets itself be called: data. `governor` keeps to it.

A bucket holds `burst` calls and fills evenly by what is left of `most`, so that no window of
`seconds`, wherever it begins, ever holds more than `most`.
"""

from dataclasses import dataclass

from django.conf import settings

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    most: int
    seconds: int
    burst: int

    @property
    def per_second(self) -> float:
        return (self.most - self.burst) / self.seconds


# per corp and single API
USUAL = (Limit(10_000, MINUTE, burst=1_000), Limit(150_000, HOUR, burst=50_000))
FEW: dict[str, tuple[Limit, ...]] = {
    # 400 an hour for the corp and 100 for an app: tickets are kept, the smaller one does for all
    "get_jsapi_ticket": (Limit(100, HOUR, burst=20),),
    "ticket/get": (Limit(100, HOUR, burst=20),),
    "externalcontact/add_moment_task": (Limit(10, MINUTE, burst=5),),
    "media/uploadimg": (Limit(100, DAY, burst=50),),
    # WeCom exempts these when the code is good
    "auth/getuserinfo": (),
}


def limits_of(path: str) -> tuple[Limit, ...]:
    """The limits of one API, cut to the share that is ours where other software uses the corp."""
    percent = settings.WECOM_LIMIT_PERCENT
    return tuple(
        Limit(
            max(limit.most * percent // 100, 1),
            limit.seconds,
            max(limit.burst * percent // 100, 0),
        )
        for limit in FEW.get(path, USUAL)
    )


def seconds_for(path: str, calls: int) -> float:
    """How long `calls` calls of one API take at least, begun with a full bucket."""
    waits = [max(calls - limit.burst, 0) / limit.per_second for limit in limits_of(path)]
    return max(waits, default=0.0)
