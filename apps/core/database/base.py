"""Django's PostgreSQL with a health check that costs nothing while the server is there."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose server went away has an end to read. Only when there is something to read
    is the server asked whether it still answers, instead of once for every request."""

    health_check_done: bool

    def close_if_health_check_failed(self) -> None:
        if not self.health_check_done and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        heard = select.poll()
        heard.register(self.connection.fileno(), select.POLLIN)
        return not heard.poll(0)
