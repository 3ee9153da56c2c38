"""Writes of the looks' room."""

from apps.looks.services.making import LEAST, MOST, copy_look, make_look, own_look
from apps.looks.services.sending import send_look

__all__ = ["LEAST", "MOST", "copy_look", "make_look", "own_look", "send_look"]
