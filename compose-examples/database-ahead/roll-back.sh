#!/bin/sh
# Puts the project into the state that the README tells of: the database is upgraded by today's image, and then the
# image is built again from last week's files.
set -eu
cd "$(dirname "$0")"
newest=migrations/versions/5b2e8d90fa17_add_stock.py
docker compose build app
docker compose up -d --wait db
docker compose run --rm --no-deps --entrypoint alembic app upgrade head
aside=$(mktemp)
mv "$newest" "$aside"
trap 'mv "$aside" "$newest"' EXIT
docker compose build app
