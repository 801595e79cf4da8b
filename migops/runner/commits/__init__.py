"""Which transactions of a migration have committed: traced inside its own process, asked of the server afterwards.

``inside`` is the tracer, ``carrying`` brings it into the container and its record back, ``record`` reads that,
``outcome`` asks the server what has become of each transaction. ``marks`` are notes on the engine of what has stayed,
``earlier`` reads these and the journals, ``repeating`` says what stands against doing a part again.
"""

from migops.runner.commits.outcome import Outcome, State, judge, next_xid
from migops.runner.commits.record import Record, read

__all__ = ["Outcome", "Record", "State", "judge", "next_xid", "read"]
