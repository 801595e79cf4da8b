"""The program of Alembic in an image: on the PATH, or in a virtual environment beside it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from migops.core.model import Entry, EntryKind, Tree
from migops.entrypoint.alembic_call import Process
from migops.sources.home import Reader
from migops.sources.program_file import find_program


def image(*programs: str, texts: dict[str, str] | None = None) -> Reader:
    """A reader of an image with these programs and scripts."""
    entries = {path: Entry(path, EntryKind.FILE, mode=0o755, content=b"#!/x") for path in programs}
    entries |= {
        path: Entry(path, EntryKind.FILE, mode=0o644, content=text.encode()) for path, text in (texts or {}).items()
    }

    def read(paths: Sequence[str]) -> Tree:
        return {path: entries[path] for path in paths if path in entries}

    return read


PATH = {"PATH": "/usr/local/bin:/usr/bin"}


@pytest.mark.parametrize(
    ("program", "process", "words"),
    [
        ("/usr/local/bin/alembic", Process("/app", PATH), ("alembic",)),
        ("/usr/local/bin/alembic", Process("/app"), ("alembic",)),
        ("/app/.venv/bin/alembic", Process("/app", PATH), ("/app/.venv/bin/alembic",)),
        ("/app/.venv/bin/alembic", Process("/app/backend", PATH), ("/app/.venv/bin/alembic",)),
        ("/code/venv/bin/alembic", Process("/code", PATH), ("/code/venv/bin/alembic",)),
        ("/opt/venv/bin/alembic", Process("/app", PATH), ("/opt/venv/bin/alembic",)),
        ("/x/y/bin/alembic", Process("/app", PATH, ("/x/y/bin/uvicorn", "app:app")), ("/x/y/bin/alembic",)),
        ("/x/y/bin/alembic", Process("/app", PATH, ("sh", "-c", ". /x/y/bin/activate; app")), ("/x/y/bin/alembic",)),
        ("/x/y/bin/alembic", Process("/app", {**PATH, "VIRTUAL_ENV": "/x/y"}), ("/x/y/bin/alembic",)),
        ("/x/bin/alembic", Process("/app", {**PATH, "UV_PROJECT_ENVIRONMENT": "/x"}), ("/x/bin/alembic",)),
        ("/usr/bin/poetry", Process("/app", PATH, ("poetry", "run", "serve")), ("poetry", "run", "alembic")),
        ("/app/.venv/bin/alembic", Process("/app", PATH, ("uv", "run", "serve")), ("/app/.venv/bin/alembic",)),
        ("/usr/bin/uv", Process("/app", PATH, ("uv", "run", "serve")), ()),
        ("/usr/bin/poetry", Process("/app", PATH, ("serve",)), ()),
        ("/etc/alembic", Process("/app", PATH), ()),
    ],
)  # fmt: skip
def test_it_is_called_by_its_path_if_it_is_not_on_the_path(
    program: str, process: Process, words: tuple[str, ...]
) -> None:
    assert find_program("alembic", process, image(program)).words == words


def test_the_path_comes_first() -> None:
    read = image("/usr/bin/alembic", "/app/.venv/bin/alembic")
    assert find_program("alembic", Process("/app", PATH), read).words == ("alembic",)


def test_a_script_of_the_start_names_the_environment() -> None:
    read = image("/srv/py/bin/alembic", texts={"/app/start.sh": "source /srv/py/bin/activate\nexec serve\n"})
    process = Process("/app", PATH, ("./start.sh",))
    assert find_program("alembic", process, read).words == ("/srv/py/bin/alembic",)


def test_a_file_that_cannot_be_run_is_no_program() -> None:
    read = image(texts={"/usr/bin/alembic": "data"})
    found = find_program("alembic", Process("/app", PATH), read)
    assert found.is_missing
    assert found.looked[:2] == ("/usr/local/bin", "/usr/bin")


def test_under_a_mount_the_image_does_not_tell() -> None:
    read = image("/app/.venv/bin/alembic")
    found = find_program("alembic", Process("/app", PATH), read, lambda path: path.startswith("/app/"))
    assert (found.words, found.is_missing) == ((), False)


def test_a_path_of_the_user_is_looked_up_as_it_is() -> None:
    read = image("/app/.venv/bin/alembic")
    process = Process("/app", PATH)
    assert find_program(".venv/bin/alembic", process, read).words == (".venv/bin/alembic",)
    assert find_program("/opt/x/alembic", process, read).is_missing
