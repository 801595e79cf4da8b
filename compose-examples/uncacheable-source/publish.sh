#!/bin/sh
# Packs the migrations as they are now, and makes sure that the server of build artefacts runs.
set -eu
cd "$(dirname "$0")"
mkdir -p published
tar -c -f published/migrations.tar migrations
docker compose up -d --no-deps --wait artefacts
