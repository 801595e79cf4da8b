"""``make chaos``: deploys that are killed at random moments, and what is left of the data afterwards."""
