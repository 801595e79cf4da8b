"""The one door to the Docker Engine: ``connect`` to the engine that the docker CLI would use.

Its HTTP API is spoken with the standard library. The Docker SDK would be the natural choice, but importing it takes
0.15 s, a third of what a whole check may take; it does not read ``ssh://`` without paramiko; and with the streams,
deadlines and errors that migops needs written anyway, all that is left of it is opening a socket.
"""

from migops.engine.client import PROBE_LABEL, Engine, PathStat, connect
from migops.engine.http import Stream

__all__ = ["PROBE_LABEL", "Engine", "PathStat", "Stream", "connect"]
