#!/bin/sh
# Puts the project into the state that the README tells of: deployed last week with a revision that has been given up
# since; today's revision is written and the image is built, and nobody creates the container from it.
set -eu
cd "$(dirname "$0")"
versions=migrations/versions
today=$versions/a94d5e61c8f3_add_price.py
mv "$today" last-week/
cp last-week/c51e02d7a9b4_add_discount.py $versions/
restore() {
    [ ! -e last-week/a94d5e61c8f3_add_price.py ] || mv last-week/a94d5e61c8f3_add_price.py $versions/
    rm -f $versions/c51e02d7a9b4_add_discount.py
}
trap restore EXIT
docker compose build app
docker compose up -d --no-deps app
restore
docker compose build app
