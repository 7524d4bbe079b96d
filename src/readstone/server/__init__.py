"""A port and what answers there: one process, or several that share it."""

from readstone.server.announced import Announced
from readstone.server.listening import bind
from readstone.server.serve import Visit, serve

__all__ = ["Announced", "Visit", "bind", "serve"]
