"""Pure reasoning on what was read: the chain, the evidence, where a database is, how scripts differ. It reads nothing."""
