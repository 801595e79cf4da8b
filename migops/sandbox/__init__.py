"""A throwaway server: made from the image that the live database's container runs, alone on an internal network.

Migrations can be tried there. An env.py that builds its own URL meets this server, which has the live one's host name,
or nobody. Nothing of it outlives the ``with``; what a killed run has left, the next one sweeps.
"""

from migops.sandbox.app import App, app_of
from migops.sandbox.live import Live, live_of, refuse_address
from migops.sandbox.server import Ran, Seeds, Server, server

__all__ = ["App", "Live", "Ran", "Seeds", "Server", "app_of", "live_of", "refuse_address", "server"]
