"""How a rule says no."""

from typing import Any


class DomainError(Exception):
    """A rule refused. `code` is for programs, the message is for people and may be translated.

    `message` is the default sentence of a subclass; `params` fill its %(name)s places.
    """

    code: str = "refused"
    message: Any = ""

    def __init__(self, message: Any = None, *, code: str | None = None, **params: Any) -> None:
        self.params = params
        if code is not None:
            self.code = code
        if message is not None:
            self.message = message
        super().__init__(self.message)

    def __str__(self) -> str:
        text = str(self.message)
        return text % self.params if self.params else text


def kind_of(error: Exception) -> str:
    """What a log may say of an error: never its text, it may quote a person's data."""
    return error.code if isinstance(error, DomainError) else type(error).__name__
