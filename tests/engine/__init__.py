"""A real Docker Engine for the tests: found, or unpacked from Debian's packages and started in private. See README.md."""
