"""What templates read."""


class Shown:
    """A template takes `card.why` for an item first, and for an attribute only after that failed.
    Here the first try finds it: a page reads hundreds."""

    __slots__ = ()
    __getitem__ = object.__getattribute__
