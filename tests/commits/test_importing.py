"""The carried finder: a module is changed once it has been imported, and found as it would be found anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from migops.commands.adopt.steps import copying
from migops.runner.commits import carrying, importing

PROGRAM = """
import migops_importing, sys
def change(module):
    module.seen += [module.VALUE]
migops_importing.after_import({"shop": change, "shop.models": change, "missing": change})
import shop
from shop import models
assert shop.seen == ["shop"] and models.seen == ["models"], (shop.seen, models.seen)
try:
    import missing
except ImportError:
    print("changed")
"""


def test_modules_are_changed_after_their_import(tmp_path: Path) -> None:
    (tmp_path / "migops_importing.py").write_bytes(Path(importing.__file__).read_bytes())
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("seen = []\nVALUE = 'shop'\n")
    (tmp_path / "shop/models.py").write_text("seen = []\nVALUE = 'models'\n")
    ran = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("changed\n", "")


def test_both_carry_it() -> None:
    adopted = copying("", {}, "")["files"]
    name = f"{importing.NAME}.py"
    assert [data for path, data in adopted.items() if path.endswith(f"/{name}")] == [carrying._texts()[name]]


@pytest.mark.parametrize("program", [("sh", "-c", carrying._SHELL), (sys.executable, "-c", carrying._PYTHON)])
def test_a_running_container_writes_them_from_its_environment(tmp_path: Path, program: tuple[str, ...]) -> None:
    folder = tmp_path / "trace"
    texts = carrying._texts()
    env = {carrying._VARIABLES[name]: text.decode() for name, text in texts.items()}
    subprocess.run([*program, str(folder)], env={"PATH": os.environ["PATH"], **env}, check=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {**texts, "record": b""}
    assert folder.stat().st_mode & 0o077 == 0
