"""A real Docker Engine for the tests: found, or unpacked from Debian's packages and started. See README.md."""
