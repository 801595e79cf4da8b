#!/bin/sh
# Puts the project into the state that the README tells of: the revision is written where Alembic runs, in the container.
set -eu
cd "$(dirname "$0")"
docker compose build app
docker compose up -d --no-deps app
docker compose exec -T app alembic revision -m "Add stock" --rev-id 5b2e8d90fa17
