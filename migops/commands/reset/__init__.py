"""``migops reset``: a clean start in development: a new database and a first revision written from the models.

Nothing is emptied or dropped: the old database, its backup and the old scripts are kept, and the way back is printed.
"""
