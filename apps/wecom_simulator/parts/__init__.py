"""Parts of the world, one subject each: the rows kept, and one function per kind of change."""

from .acquisition import Acquisition
from .appchats import AppChats
from .bulk import Bulk
from .cards import Cards
from .groups import Groups
from .moments import Moments
from .transfers import Transfers

__all__ = ["Acquisition", "AppChats", "Bulk", "Cards", "Groups", "Moments", "Transfers"]
