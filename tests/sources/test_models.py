"""MIG507: which models env.py leads to, held to what Python and SQLAlchemy say when the modules are really imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from migops.core.model import Unknown
from migops.sources.models import unimported

BASE = "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ...\n"
ENV = "from shop.base import Base\ntarget_metadata = Base.metadata\n"


def model(name: str, base: str = "from shop.base import Base") -> str:
    return (
        f"{base}\nfrom sqlalchemy.orm import Mapped, mapped_column\nclass {name}(Base):\n"
        f"    __tablename__ = '{name.lower()}'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
    )


TREES: dict[str, dict[str, str]] = {
    "only the base": {"env.py": ENV, "shop/models.py": model("Product")},
    "the module": {"env.py": "import shop.models\n" + ENV, "shop/models.py": model("Product")},
    "from the package": {"env.py": "from shop import models, other\n" + ENV, "shop/models.py": model("Product"),
                         "shop/other.py": model("Other")},
    "a package that imports one of two": {
        "env.py": "from shop.tables import Base\ntarget_metadata = Base.metadata\n",
        "shop/tables/__init__.py": "from ..base import Base\nfrom .product import Product\n",
        "shop/tables/product.py": model("Product", "from . import Base"),
        "shop/tables/forgotten.py": model("Forgotten", "from ..base import Base"),
    },
    "with a star": {
        "env.py": "from shop.every import *\ntarget_metadata = Base.metadata\n",
        "shop/every.py": "from shop.base import *\nfrom shop.models import *\n",
        "shop/models.py": model("Product", "from shop.base import *"), "shop/lost.py": model("Lost"),
    },
    "through an abstract class": {
        "env.py": "import shop.above\n" + ENV,
        "shop/above.py": "from shop.base import Base\nclass Above(Base):\n    __abstract__ = True\n",
        "shop/below.py": model("Below", "from shop.above import Above as Base"),
    },
    "a module by another name": {
        "env.py": "import shop.base as b\ntarget_metadata = b.Base.metadata\n", "shop/models.py": model("Product"),
    },
    "in a function": {
        "env.py": ENV + "def load():\n    import shop.models\nload()\n",
        "shop/models.py": model("Product"),
    },
    "for type checkers alone": {
        "env.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shop.models\n" + ENV,
        "shop/models.py": model("Product"),
    },
    "another base": {
        "env.py": ENV, "shop/other.py": BASE,
        "shop/models.py": model("Product", "from shop.other import Base"),
    },
    "a classic base": {
        "env.py": ENV, "shop/base.py": "from sqlalchemy.orm import declarative_base\nBase = declarative_base()\n",
        "shop/models.py": model("Product"),
    },
}  # fmt: skip


def write(folder: Path, tree: Mapping[str, str]) -> list[Path]:
    for name, text in {"shop/__init__.py": "", "shop/base.py": BASE, **tree}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sorted(path for path in folder.rglob("*.py") if path.name != "env.py")


FORKS = """
import importlib, os, sys
import sqlalchemy.orm
for folder in sys.argv[1:]:
    if os.fork() == 0:
        os.chdir(folder)
        sys.path.insert(0, folder)
        import env
        before = set(env.target_metadata.tables)
        for name in open("modules.txt").read().split():
            importlib.import_module(name)
        open("told.txt", "w").write(" ".join(set(env.target_metadata.tables) - before))
        os._exit(0)
    os.wait()
"""
"""SQLAlchemy is imported once, and each tree in a process of its own."""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Path]]]:
    """Each tree as files; ``told.txt`` has the tables that are not known after env.py was imported, and are when every
    module was."""
    made = {}
    for name, tree in TREES.items():
        folder = tmp_path_factory.mktemp("tree")
        files = write(folder, tree)
        names = (".".join(file.relative_to(folder).with_suffix("").parts) for file in files)
        (folder / "modules.txt").write_text("\n".join(name.removesuffix(".__init__") for name in names))
        made[name] = folder, files
    folders = [str(folder) for folder, _ in made.values()]
    subprocess.run([sys.executable, "-c", FORKS, *folders], check=True, capture_output=True)
    return made


@pytest.mark.parametrize("name", TREES)
def test_as_python_has_it(name: str, trees: dict[str, tuple[Path, list[Path]]]) -> None:
    folder, files = trees[name]
    found = unimported(folder / "env.py", [folder], files)
    assert isinstance(found, tuple)
    assert {each.name.lower() for each in found} == set((folder / "told.txt").read_text().split())


def test_sqlmodel(tmp_path: Path) -> None:
    """Its classes say so themselves; the package is no part of the tests."""
    text = "from sqlmodel import SQLModel\nclass {}(SQLModel, table=True):\n    id: int\nclass Form(SQLModel): ...\n"
    tree = {"shop/models.py": text.format("Product"), "shop/other.py": text.format("Other")}
    files = write(tmp_path, {**tree, "env.py": "from sqlmodel import SQLModel\nimport shop.models\n"
                                               "target_metadata = SQLModel.metadata\n"})  # fmt: skip
    found = unimported(tmp_path / "env.py", [tmp_path], files)
    assert isinstance(found, tuple)
    assert [(each.name, Path(each.at.file).name, each.at.line) for each in found] == [("Other", "other.py", 2)]


@pytest.mark.parametrize(
    "env",
    [
        "import importlib\nimportlib.import_module('shop.models')\n" + ENV,
        "import shop.loader\n" + ENV,
        "target_metadata = [a.metadata, b.metadata]\n",
        "target_metadata = get_metadata()\n",
        "",
    ],
)
def test_what_cannot_be_told_is_unknown(env: str, tmp_path: Path) -> None:
    loader = "import pkgutil\n[m for m in pkgutil.walk_packages(['shop'])]\n"
    files = write(tmp_path, {"env.py": env, "shop/loader.py": loader, "shop/models.py": model("Product")})
    assert isinstance(unimported(tmp_path / "env.py", [tmp_path], files), Unknown)


def test_none_is_another_rules(tmp_path: Path) -> None:
    files = write(tmp_path, {"env.py": "target_metadata = None\n", "shop/models.py": model("Product")})
    assert unimported(tmp_path / "env.py", [tmp_path], files) == ()
