"""The plan of ``doctor``: from findings to steps in the order of doing.

``nodes`` merges the fixes of all findings (one build fixes many), ``order`` sorts them, ``make`` adds what the fixes
leave unsaid (the commit, the deploy) and says what to do now. All of it is pure; ``surroundings`` reads.
"""

from migops.commands.plan.make import Surroundings, make

__all__ = ["Surroundings", "make"]
