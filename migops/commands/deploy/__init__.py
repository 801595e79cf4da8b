"""``rebuild-and-migrate``: the chain made whole link by link, each proved before the next, undone where one fails."""
