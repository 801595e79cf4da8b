"""A disposable server, created from the live database's image and alone on an internal network, to try migrations on.

An env.py that builds its own URL reaches this server, which has the live one's host name, or none at all. Everything is
removed at the end of the ``with``; the next run removes the rest of a killed one.
"""

from migops.sandbox.app import App, app_of
from migops.sandbox.live import Live, live_of, refuse_address
from migops.sandbox.server import Prerequisites, Ran, Server, server

__all__ = ["App", "Live", "Prerequisites", "Ran", "Server", "app_of", "live_of", "refuse_address", "server"]
