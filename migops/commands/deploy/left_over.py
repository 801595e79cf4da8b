"""What a failed migration may leave in the database although no row of the version table tells of it."""

from __future__ import annotations

from migops.commands.deploy.deploy import Deploy
from migops.database.postgres.catalogue import traces


def catalogue_of(deploy: Deploy) -> frozenset[str]:
    """All that the catalogue lists now, see ``traces``; empty for a database that is not PostgreSQL: nothing is known
    of it then."""
    if deploy.database.reached is None or deploy.database.reached.url.dialect != "postgresql":
        return frozenset()
    return traces(deploy.database.reached.url, deploy.options.timeout)
