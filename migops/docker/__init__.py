"""Access to the Docker Engine: ``connect`` to the engine that the docker CLI would use."""

from migops.docker.client import PROBE_LABEL, Engine, ImageNotFound, PathStat, connect
from migops.docker.http import Stream

__all__ = ["PROBE_LABEL", "Engine", "ImageNotFound", "PathStat", "Stream", "connect"]
