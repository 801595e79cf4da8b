#!/bin/sh
# Puts the project into the state that the README tells of: the image is built while revision 010 is still there,
# then 010 is deleted on the host and nobody builds again.
set -eu
cd "$(dirname "$0")"
versions=app/src/infrastructure/database/migrations/versions
cp last-week/010_add_product_discount.py "$versions/"
trap 'rm -f "$versions/010_add_product_discount.py"' EXIT
docker compose -f docker-compose.prod.yml build app
