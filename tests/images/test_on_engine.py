"""Images of a real engine: the same contract, the same files as a container sees, and nothing left behind."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Entry, EntryKind
from migops.docker import Engine, connect
from migops.images import open_image
from tests.engine.sandbox import Sandbox
from tests.images.build import Made, Member, folder, layer, legacy_files, write_tar
from tests.images.content import IMAGE
from tests.images.test_contract import check_source, no_engine


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[Engine]:
    with connect(environment=sandbox.engine.changes) as connected:
        yield connected


def load(sandbox: Sandbox, image: Made, name: str) -> str:
    """Load a handmade image under a name of the sandbox's; its ID is the engine's own."""
    named = replace(image, name=sandbox.tag(name))
    sandbox.docker("load", "-i", str(write_tar(sandbox.path / f"{name}.tar", legacy_files(named))))
    return named.name


def read(connection: Engine, ref: str, *paths: str) -> dict[str, Entry]:
    with open_image(ref, engine=lambda: connection) as image:
        return image.read(paths, content=lambda path: path.endswith(".py"))


def test_the_contract_for_all_four_sources(sandbox: Sandbox, connection: Engine) -> None:
    name = load(sandbox, IMAGE, "content")
    check_source(f"docker-daemon:{name}", lambda: connection)
    check_source(name, lambda: connection)
    with open_image(name, engine=lambda: connection) as image:
        check_source(image.id, lambda: connection)
    saved = sandbox.path / "saved.tar"
    sandbox.docker("save", "-o", str(saved), name)
    check_source(f"docker-archive:{saved}", no_engine)
    check_source(f"docker-archive:{saved}:{name}", no_engine)
    with tarfile.open(saved) as tar:
        layout = "index.json" in tar.getnames()
        if layout:
            tar.extractall(sandbox.path / "layout", filter="data")
    if layout:  # engines older than 25 write none
        check_source(f"oci-archive:{saved}", no_engine)
        check_source(f"oci:{sandbox.path / 'layout'}", no_engine)


DOCKERFILE = """\
FROM python:3.11-slim
RUN mkdir -p /srv/v/a /srv/v/b /srv/v/c /srv/shared && for n in 1 2 3 4 5; do echo $n > /srv/v/$n.py; done; \\
    echo a > /srv/v/a/a.py; echo b > /srv/v/b/b.py; echo c > /srv/v/c/c.py; echo s > /srv/shared/s.py
RUN rm /srv/v/1.py && echo other > /srv/v/2.py
RUN rm -rf /srv/v/a && mkdir /srv/v/a && echo new > /srv/v/a/new.py
RUN rm -rf /srv/v/b && echo file > /srv/v/b && rm -rf /srv/v/c && ln -s ../shared /srv/v/c
RUN ln /srv/v/3.py /srv/v/hard.py && ln -s ../shared/s.py /srv/v/s.py && mv /srv/v/4.py /srv/v/moved.py
RUN rm -rf /srv/v/x && touch "/srv/v/$(printf 'odd \\033[2J name').py" && chmod 600 /srv/v/2.py
RUN ln -s /srv/v /current && ln -s loop /loop
CMD ["true"]
"""


def test_the_same_files_as_a_container_sees(sandbox: Sandbox, connection: Engine) -> None:
    """FAULTS 7, over real builds: removed, opaque, replaced by a file, replaced by a link."""
    context = sandbox.path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    tag = sandbox.tag("layers")
    sandbox.build(context, tag)
    script = 'cd /srv/v && find . -type f -print0 | xargs -0 sha256sum -z && find . -type d,l -printf "%y %p %l\\0"'
    lines = sandbox.docker("run", "--rm", "--network", "none", tag, "sh", "-c", script).split("\0")
    expected = {line for line in lines if line}
    saved = sandbox.path / "saved.tar"
    sandbox.docker("save", "-o", str(saved), tag)
    for ref in (tag, f"docker-archive:{saved}"):
        for path in ("/srv/v", "/current"):
            assert _as_shell(read(connection, ref, path), path) == expected, (ref, path)
        with pytest.raises(Unavailable):
            read(connection, ref, "/loop")


def _as_shell(entries: dict[str, Entry], root: str) -> set[str]:
    lines = set()
    for path, entry in entries.items():
        name = "." + path[len(root) :]
        if entry.kind is EntryKind.FILE:
            lines.add(f"{entry.sha256}  {name}")
        else:
            lines.add(f"{'d' if entry.kind is EntryKind.DIRECTORY else 'l'} {name} {entry.target}")
    return lines


def containers_of(sandbox: Sandbox, ref: str) -> list[str]:
    return sandbox.docker("ps", "--all", "--quiet", "--filter", f"ancestor={ref}").split()


def test_images_that_could_never_run(sandbox: Sandbox, connection: Engine) -> None:
    """Scratch, no shell, no command at all, an entrypoint that would migrate, volumes over the very folder."""
    tar = layer(folder("app"), folder("app/v"), Member("app/v/1.py", b"one"))
    configs: dict[str, dict[str, object]] = {
        "bare": {"Cmd": None},
        "migrates": {"Cmd": None, "Entrypoint": ["alembic", "upgrade", "head"]},
        "volume": {"Volumes": {"/app/v": {}, "/data": {}}},
    }
    for name, config in configs.items():
        ref = load(sandbox, Made([tar], config=config), name)
        assert read(connection, ref, "/app/v")["/app/v/1.py"].content == b"one"
        assert containers_of(sandbox, ref) == []


def test_nothing_is_left_behind_when_reading_fails(sandbox: Sandbox, connection: Engine) -> None:
    ref = load(sandbox, Made([layer(folder("v"), Member("v/1.py", bytes(9 * 1024 * 1024)))]), "large")
    with pytest.raises(Unavailable, match=r"/v/1\.py"):
        read(connection, ref, "/v")
    assert containers_of(sandbox, ref) == []


def test_a_probe_takes_its_anonymous_volumes_along(sandbox: Sandbox, connection: Engine) -> None:
    tar = layer(folder("app"), folder("app/v"), Member("app/v/1.py", b"one"))
    ref = load(sandbox, Made([tar], config={"Volumes": {"/app/v": {}, "/data": {}}}), "volume")
    with open_image(ref, engine=lambda: connection) as image:
        image_id = image.id
    with connection.probe(image_id) as probe:
        found = sandbox.docker("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}{{.State.Status}}", probe)
        *volumes, state = found.split()
        assert state == "created"
        assert len(volumes) == 2
        assert containers_of(sandbox, ref) != []
    assert not set(volumes) & set(sandbox.docker("volume", "ls", "-q").split())
    assert containers_of(sandbox, ref) == []


def test_names_that_no_engine_has(sandbox: Sandbox, connection: Engine) -> None:
    with pytest.raises(Unavailable, match="has no image"):
        read(connection, sandbox.tag("nothing"), "/v")
    with pytest.raises(Unavailable, match="has no image"):
        read(connection, "sha256:" + "0" * 64, "/v")
    with pytest.raises(MigopsError, match="not an image name") as caught:
        read(connection, "UPPER/Case", "/v")
    assert caught.value.exit_code == 2


def test_many_files_and_a_large_one_beside_them(sandbox: Sandbox, connection: Engine) -> None:
    files = {f"v/{n:04}.py": b"# %d\n" % n * 40 for n in range(1500)}
    big = bytes(20 * 1024 * 1024)
    members = [folder("v"), *(Member(name, text) for name, text in files.items()), Member("v/big.bin", big)]
    ref = load(sandbox, Made([layer(*members)]), "many")
    entries = read(connection, ref, "/v")
    assert len(entries) == 1502
    assert {path[1:]: entry.content for path, entry in entries.items() if entry.content is not None} == files
    assert entries["/v/big.bin"].sha256 == hashlib.sha256(big).hexdigest()


def test_an_import_is_an_image_too(sandbox: Sandbox, connection: Engine) -> None:
    path: Path = sandbox.path / "import.tar"
    path.write_bytes(
        layer(Member("/v/1.py", b"rooted"), Member("./v/2.py", b"dotted"), Member("v/null", kind=tarfile.FIFOTYPE))
    )
    tag = sandbox.tag("import")
    sandbox.docker("import", str(path), tag)
    saved = sandbox.path / "saved.tar"
    sandbox.docker("save", "-o", str(saved), tag)
    for ref in (tag, f"docker-archive:{saved}"):
        kinds = {name: (entry.kind, entry.content) for name, entry in read(connection, ref, "/v").items()}
        assert kinds == {
            "/v": (EntryKind.DIRECTORY, None),
            "/v/1.py": (EntryKind.FILE, b"rooted"),
            "/v/2.py": (EntryKind.FILE, b"dotted"),
            "/v/null": (EntryKind.OTHER, None),
        }
