"""All that only PostgreSQL has: the session that holds a lock, who waits for whom, the catalogue."""
