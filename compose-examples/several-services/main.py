"""A stand-in for an application: it keeps the container running until it is told to stop."""

import signal

# A container's first process gets no signal that it neither handles nor blocks.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
signal.sigwait({signal.SIGTERM, signal.SIGINT})
