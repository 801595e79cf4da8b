"""Pure functions on the evidence: the chain, the evidence, the database's position, how scripts differ."""
