"""A stand-in for the bot: it keeps the container running until it is told to stop."""

import signal

signal.sigwait({signal.SIGTERM, signal.SIGINT})
