#!/bin/sh
# Puts the project into the state that the README tells of: the base image is built while the revision is there, then
# the revision is deleted on the host, and only the application is built again.
set -eu
cd "$(dirname "$0")"
script=migrations/versions/b81d02c6f7aa_add_discount.py
cp last-week/b81d02c6f7aa_add_discount.py "$script"
trap 'rm -f "$script"' EXIT
docker compose build base
rm -f "$script"
docker compose build --no-cache app
