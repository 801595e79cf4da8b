"""One run of the tests, in one process or in several: what it calls its things, and what it leaves in the engine."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.engine import inventory, layout, processes
from tests.engine.engine import Engine
from tests.engine.inventory import Inventory


@dataclass(frozen=True)
class Run:
    """One run of pytest, among others that may use the same engine.

    Its first process to use the engine begins it; the process that the user started ends it, when all are done.
    """

    token: str
    """What the names of all its sandboxes begin with."""
    pid: int
    """The process that the user started."""

    @classmethod
    def new(cls) -> Run:
        """The run of this very process. Nothing is written before it uses an engine."""
        return cls(f"mt{secrets.token_hex(3)}", os.getpid())

    @property
    def _folder(self) -> Path:
        return layout.run() / "sessions"

    @property
    def _before(self) -> Path:
        """What the engine held when the run began to use it. It is there when and only when it has begun."""
        return self._folder / f"{self.pid}.{self.token}.before"

    @property
    def _met(self) -> Path:
        return self._folder / f"{self.pid}.met"

    @property
    def begun(self) -> bool:
        """Whether any process of the run has used the engine."""
        return self._before.exists()

    def begin(self, engine: Engine) -> None:
        """Tell other runs on this machine that we are here, learn of them, and note what *engine* holds; once a run."""
        with layout.locked("sessions"):
            if self.begun:
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            self._met.unlink(missing_ok=True)
            ours = self._folder / f"{self.pid}.json"
            processes.write_pid(ours, self.pid)
            for other in {*self._folder.glob("*.json")} - {ours}:
                if processes.read_pid(other) is None:  # a run that was killed
                    for stale in self._folder.glob(f"{other.stem}.*"):
                        stale.unlink()
                else:
                    self._met.touch()
                    other.with_suffix(".met").touch()
            self._before.write_text(json.dumps(asdict(Inventory.of(engine))))

    def alone(self, engine: Engine) -> bool:
        """Whether all that is new in *engine* must be ours: it is private, and no other run met this one."""
        return engine.private and not self._met.exists() and not os.environ.get("MIGOPS_TEST_SHARED")

    def end(self, engine: Engine) -> list[str]:
        """Say goodbye, and return what the run left in *engine*: all that is new if it was alone, else what is its own.

        Unused anonymous volumes and images without a name are no leak of ours: compose orphans them. They are removed.
        """
        before = Inventory(**json.loads(self._before.read_text()))
        now = Inventory.of(engine)
        left = now.belonging_to(self.token).ids()
        if self.alone(engine):
            inventory.remove(engine, now.orphans(before), self.token)
            left = Inventory.of(engine).ids() - before.ids()
        for suffix in ("json", "met", f"{self.token}.before"):
            (self._folder / f"{self.pid}.{suffix}").unlink(missing_ok=True)
        return sorted(left)
