"""Pure reasoning on what was read: the chain, the evidence, the database's position, how scripts differ."""
