"""A stand-in for an application that makes its tables itself, and then runs until it is told to stop."""

import os
import signal

from sqlalchemy import create_engine

from models import Base

# This is the mistake: the tables appear without a single migration having run, and Alembic knows nothing of them.
Base.metadata.create_all(create_engine(os.environ["DATABASE_URL"]))

# A container's first process gets no signal that it neither handles nor blocks.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
signal.sigwait({signal.SIGTERM, signal.SIGINT})
