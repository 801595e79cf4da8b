"""Access to databases: URLs that hide their secrets, and read-only connections; ``postgres`` has the rest.

Drivers quote their input in errors, so every message is redacted here, by value and by pattern, before it is passed on.
"""

from migops.database.reading import connect
from migops.database.url import DatabaseUrl, parse_url

__all__ = ["DatabaseUrl", "connect", "parse_url"]
