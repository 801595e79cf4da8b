"""The one door to databases: a URL that keeps its secrets, a connection that only reads, and one that holds locks.

Drivers quote what they were given when they fail, so nothing that they say leaves this room before every piece of the
URL that may be a secret is taken out of it, by value and by pattern.
"""

from migops.database.reading import connect
from migops.database.url import DatabaseUrl, parse_url

__all__ = ["DatabaseUrl", "connect", "parse_url"]
