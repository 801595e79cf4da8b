"""A stand-in for an application: it keeps the container running until it is told to stop."""

import signal

signal.sigwait({signal.SIGTERM, signal.SIGINT})
