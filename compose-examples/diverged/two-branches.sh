#!/bin/sh
# Puts the project into the state that the README tells of: the database is upgraded by the image of one branch, and
# then the image is built from the other branch. The files here are those after both were merged.
set -eu
cd "$(dirname "$0")"
versions=migrations/versions
aside=$(mktemp -d)
trap 'mv "$aside"/*.py "$versions/"' EXIT
mv "$versions"/a94d5e61c8f3_*.py "$versions"/d5a9126e7bc4_*.py "$aside/"
docker compose build app
docker compose up -d --wait db
docker compose run --rm --no-deps --entrypoint alembic app upgrade head
mv "$aside"/a94d5e61c8f3_*.py "$versions/"
mv "$versions"/c07f34ab1e62_*.py "$aside/"
docker compose build app
