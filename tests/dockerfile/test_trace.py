"""What a build would put where: the common Dockerfiles of applications with migrations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from migops.core.errors import MigopsError
from migops.core.model import EntryKind, Location, Unknown
from migops.dockerfile.trace import BuildView, Inline, Origin, trace

Files = Mapping[str, str]

APP: Files = {
    "alembic.ini": "[alembic]",
    "app/main.py": "",
    "migrations/env.py": "",
    "migrations/versions/001_a.py": "a",
    "migrations/versions/002_b.py": "b",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def write(root: Path, files: Files) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def view(root: Path, dockerfile: str, files: Files = APP, **options: object) -> BuildView:
    write(root, {**files, "Dockerfile": dockerfile})
    result = trace(None, root, **options)  # type: ignore[arg-type]
    assert isinstance(result, BuildView)
    return result


def paths(built: BuildView, folder: str) -> dict[str, str]:
    """Image path to the path in the context."""
    root = built._context.root
    return {
        one.image_path: one.host_path.relative_to(root).as_posix() if one.host_path else ""
        for one in built.files_under(folder)
    }


VERSIONS = {
    "/app/migrations/versions/001_a.py": "migrations/versions/001_a.py",
    "/app/migrations/versions/002_b.py": "migrations/versions/002_b.py",
}


@pytest.mark.parametrize(
    "copy",
    [
        "COPY . /app",
        "COPY . /app/",
        "WORKDIR /app\nCOPY . .",
        "WORKDIR /app\nCOPY ./ ./",
        "WORKDIR /\nWORKDIR app\nCOPY migrations migrations",
        "WORKDIR /app\nCOPY migrations/ ./migrations/",
        "WORKDIR /app\nCOPY migrations/versions/*.py migrations/versions/",
        "WORKDIR /app\nCOPY m*s/versions migrations/versions",
        "ARG HOME_DIR=/app\nWORKDIR ${HOME_DIR}\nCOPY . $HOME_DIR",
        "ENV APP=/app\nWORKDIR $APP/migrations\nCOPY migrations .",
        'COPY ["migrations", "/app/migrations"]',
        "ADD . /app",
        "COPY --chown=app:app --chmod=755 --link migrations /app/migrations",
        "COPY --parents migrations/versions /app/",
        "COPY --parents ./migrations/**/*.py /app",
        "COPY app/main.py migrations/versions /app/migrations/versions/",
        "COPY --exclude=*.py . /app\nCOPY migrations/versions /app/migrations/versions",
    ],
)
def test_the_versions_folder_arrives(root: Path, copy: str) -> None:
    built = view(root, f"FROM python:3.11-slim\n{copy}\n")
    found = paths(built, "/app/migrations/versions")
    found.pop("/app/migrations/versions/main.py", None)
    assert found == VERSIONS
    assert built.unknown("/app/migrations/versions") is None
    assert built.failures == ()


def test_every_file_says_which_instruction_brought_it(root: Path) -> None:
    built = view(root, "FROM python:3.11\nWORKDIR /app\nCOPY alembic.ini .\nCOPY migrations migrations\n")
    file = built.files_under("/app/migrations/versions")[0]
    assert (file.at, file.text) == (Location(str(root / "Dockerfile"), 4), "COPY migrations migrations")
    assert [one.image_path for one in built.files_under("/app/alembic.ini")] == ["/app/alembic.ini"]


def test_stages_are_followed_to_the_context(root: Path) -> None:
    text = """\
FROM node:20 AS web
COPY app /web
FROM python:3.11 AS base
WORKDIR /src
COPY . .
FROM base AS extra
FROM python:3.11-slim
COPY --from=Extra /src/migrations /app/migrations
COPY --from=0 /web/main.py /app/main.py
"""
    built = view(root, text)
    assert paths(built, "/app/migrations/versions") == VERSIONS
    file = built.files_under("/app/migrations/versions")[0]
    assert file.at.line == 5
    assert [at.line for at in file.via] == [8]
    assert paths(built, "/app/main.py") == {"/app/main.py": "app/main.py"}
    assert built.base.ref == "python:3.11-slim"
    assert [(one.origin, one.at.line) for one in built.sources_of("/app/migrations/versions")] == [
        (Origin.CONTEXT, 5),
        (Origin.STAGE, 8),
    ]


def test_the_target_is_the_named_stage(root: Path) -> None:
    text = "FROM a AS dev\nCOPY . /dev\nFROM b AS prod\nCOPY . /prod\n"
    assert view(root, text, target="dev").files_under("/dev/alembic.ini")
    assert not view(root, text).files_under("/dev/alembic.ini")
    with pytest.raises(MigopsError) as caught:
        view(root, text, target="test")
    assert "'test'" in caught.value.message
    assert "dev, prod" in caught.value.hint


def test_an_excluded_file_names_the_line_that_excludes_it(root: Path) -> None:
    write(root, {".dockerignore": "# secrets\n.git\nmigrations/versions\n!migrations/versions/001*\n"})
    built = view(root, "FROM python:3.11\nWORKDIR /app\nCOPY . .\n")
    assert set(paths(built, "/app/migrations/versions")) == {"/app/migrations/versions/001_a.py"}
    (excluded,) = built.excluded_under("/app/migrations")
    assert excluded.host_path == root / "migrations/versions/002_b.py"
    assert excluded.image_path == "/app/migrations/versions/002_b.py"
    assert excluded.ignored_by == Location(str(root / ".dockerignore"), 3)
    assert excluded.at.line == 3
    assert built.ignore_file == str(root / ".dockerignore")


def test_the_dockerfiles_own_ignore_file_comes_first(root: Path) -> None:
    write(root, {".dockerignore": "app\n", "deploy/Dockerfile.dockerignore": "migrations\n", **APP})
    write(root, {"deploy/Dockerfile": "FROM x\nCOPY . /app\n"})
    built = trace(root / "deploy/Dockerfile", root)
    assert isinstance(built, BuildView)
    assert paths(built, "/app/app")
    assert [one.ignored_by.file for one in built.excluded_under("/app/migrations/env.py")] == [
        str(root / "deploy/Dockerfile.dockerignore")
    ]


def test_a_folder_that_no_copy_brings_is_told_from_an_excluded_one(root: Path) -> None:
    built = view(root, "FROM python:3.11\nCOPY app /app\nRUN pip install -r requirements.txt\n")
    assert built.files_under("/app/migrations") == ()
    assert built.excluded_under("/app/migrations") == ()
    assert built.sources_of("/app/migrations") == ()
    assert built.unknown("/app/migrations") is None


def test_a_source_that_is_ignored_altogether_stops_the_build(root: Path) -> None:
    write(root, {".dockerignore": "migrations\n"})
    built = view(root, "FROM python:3.11\nCOPY migrations /app/migrations\n")
    assert [failure.at.line for failure in built.failures] == [2]
    assert ".dockerignore:1" in built.failures[0].reason
    assert len(built.excluded_under("/app/migrations")) == 3
    assert built.unknown("/app/migrations") is None


def test_a_source_that_is_missing_stops_the_build(root: Path) -> None:
    built = view(root, "FROM python:3.11\nCOPY db /app/migrations\n")
    assert "db is not in the build context" in built.failures[0].reason
    unknown = built.unknown("/app/migrations/versions")
    assert unknown
    assert "Dockerfile:2" in unknown.reason


@pytest.mark.parametrize(
    ("line", "origin"),
    [
        ("RUN git clone https://example.org/app.git /app", Origin.GIT),
        ("RUN rm -rf migrations/versions/*", Origin.RUN),
        ("RUN cd migrations/versions && rm 001_a.py", Origin.RUN),
        ("RUN mv /tmp/m /app/migrations", Origin.RUN),
        ("RUN cp -rt /app /tmp/m && true", Origin.RUN),
        ("RUN cp -t /app/migrations/versions /tmp/m.py", Origin.RUN),
        ("RUN true; echo x > migrations/versions/003.py", Origin.RUN),
        ("RUN tar -xzf /tmp/x.tgz -C /app", Origin.RUN),
        ("RUN rm -rf /app/m*", Origin.RUN),
        ("RUN find . -name '*.py' -delete", Origin.RUN),
        ("RUN --mount=type=bind,target=/src cp -r /src/migrations /app", Origin.RUN),
        ('RUN ["cp", "-r", "/x", "/app"]', Origin.RUN),
        ("RUN sh -c 'rm -rf /app/migrations'", Origin.RUN),
        ("RUN <<EOF\nset -e\nrm -rf /app\nEOF", Origin.RUN),
        ("ADD https://example.org/app.tgz /app/", Origin.URL),
        ("ADD https://example.org/app.git#main /app/", Origin.GIT),
        ("COPY --from=example/app /app /app", Origin.IMAGE),
        ("COPY app $UNSET/x", Origin.IMAGE),
    ],
)
def test_what_only_the_build_can_tell_is_unknown(root: Path, line: str, origin: Origin) -> None:
    built = view(root, f"FROM python:3.11\nWORKDIR /app\nCOPY . .\n{line}\n")
    unknown = built.unknown("/app/migrations/versions")
    assert isinstance(unknown, Unknown)
    assert f"{root / 'Dockerfile'}:4" in unknown.reason
    assert origin in [one.origin for one in built.sources_of("/app/migrations/versions")]


@pytest.mark.parametrize(
    "line",
    [
        "RUN apt-get update && apt-get install -y gcc && rm -rf /var/lib/apt/lists/*",
        "RUN pip install --no-cache-dir -r requirements.txt",
        "RUN chown -R app:app /app && chmod +x /app/entrypoint.sh",
        "RUN mkdir -p /app/logs",
        "RUN useradd -m -d /app app",
        "RUN find / -name '*.pyc' -delete",
        "RUN find . -type d -name __pycache__ -exec rm -rf {} +",
        "RUN python -m compileall /app",
        "RUN --mount=type=bind,target=/app rm -rf /app/migrations",
        "RUN cat /app/x > /dev/null",
        "RUN cp -r . /backup && cp .env.example .env",
        "RUN rm -rf /app/tests /app/*.md **/__pycache__",
        "RUN dos2unix /app/*.sh; sed -i s/a/b/ alembic.ini",
        "RUN --mount=type=cache,target=/root/.cache --mount=type=bind,source=uv.lock,target=uv.lock uv sync --frozen",
        "RUN if [ -f x ]; then pip install -e .; fi",
        "COPY --from=ghcr.io/astral-sh/uv:latest /uv /uvx /bin/",
        "ADD https://example.org/wait-for-it.sh /usr/local/bin/",
    ],
)
def test_what_does_not_touch_the_folder_leaves_it_known(root: Path, line: str) -> None:
    built = view(root, f"FROM python:3.11\nWORKDIR /app\nCOPY . .\n{line}\n")
    assert built.unknown("/app/migrations/versions") is None
    assert paths(built, "/app/migrations/versions") == VERSIONS


def test_removing_before_anything_is_there_changes_nothing(root: Path) -> None:
    built = view(root, "FROM python:3.11\nRUN rm -rf /app/migrations\nCOPY . /app\n")
    assert built.unknown("/app/migrations") is None


def test_installed_packages_are_a_source(root: Path) -> None:
    built = view(root, "FROM python:3.11\nCOPY . /src\nRUN pip install /src\n")
    folder = "/usr/local/lib/python3.11/site-packages/app/migrations"
    assert [one.origin for one in built.sources_of(folder)] == [Origin.PACKAGE]
    assert built.unknown(folder) is not None
    assert built.unknown("/src/migrations") is None


def test_a_heredoc_is_a_file(root: Path) -> None:
    text = "FROM scratch\nARG A=1\nCOPY <<env.py <<'raw.py' /app/\nx = $A\nenv.py\ny = $A\nraw.py\n"
    built = view(root, text)
    assert [(one.image_path, one.content) for one in built.files_under("/app")] == [
        ("/app/env.py", b"x = 1\n"),
        ("/app/raw.py", b"y = $A\n"),
    ]


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ("COPY --exclude=*.py . /d", "a/b/c/x.py a/b/c/z.txt a/b/x.py a/x.py a/y.txt top.txt"),
        ("COPY --exclude=*/*.py a /d", "b/c/x.py b/c/z.txt x.py y.txt"),
        ("COPY --exclude=a/*.py a /d", "b/c/x.py b/c/z.txt b/x.py x.py y.txt"),
        ("COPY --exclude=*.py *.* /d/", "top.py top.txt"),
        ("COPY --exclude=top.py top.py top.txt /d/", "top.py top.txt"),
        ("COPY --exclude=a/b . /d/", "a/x.py a/y.txt top.py top.txt"),
        ("COPY --exclude=b a* /d/", "x.py y.txt"),
        ("COPY --exclude=**/*.py --exclude=!b/x.py a /d/", "b/c/z.txt b/x.py y.txt"),
        ("ADD --exclude=**/x.py a /d", "b/c/z.txt y.txt"),
        ("COPY a /d\nCOPY --link a/b /d", "b/c/x.py b/c/z.txt b/x.py c/x.py c/z.txt x.py y.txt"),
    ],
)
def test_exclude_and_link_as_engine_28_does_them(root: Path, copy: str, expected: str) -> None:
    """--exclude is about names below each source, never the source itself. Outcomes of Engine 28.5's own builder."""
    context = root / "context"
    write(
        context, dict.fromkeys(("a/x.py", "a/y.txt", "a/b/x.py", "a/b/c/x.py", "a/b/c/z.txt", "top.py", "top.txt"), "")
    )
    (root / "Dockerfile").write_text(f"FROM scratch\n{copy}\n")
    built = trace(root / "Dockerfile", context)
    assert isinstance(built, BuildView)
    assert [one.image_path for one in built.files_under("/d")] == [f"/d/{name}" for name in sorted(expected.split())]


def test_a_linked_file_on_a_folder_depends_on_the_engine(root: Path) -> None:
    """Engine 26.1's graph drivers copy into the folder; the containerd image store puts the file in its place."""
    built = view(root, "FROM scratch\nWORKDIR /d\nCOPY --link alembic.ini /d\n")
    unknown = built.unknown("/d")
    assert unknown
    assert "--link" in unknown.reason


def test_parents_keep_the_folders(root: Path) -> None:
    built = view(root, "FROM scratch\nCOPY --parents migrations/./versions app/*.py /d/\n")
    assert [one.image_path for one in built.files_under("/d")] == [
        "/d/app/main.py",
        "/d/versions/001_a.py",
        "/d/versions/002_b.py",
    ]


def test_configuration_is_read(root: Path) -> None:
    text = """\
FROM python:3.11 AS base
ENV A=1 B="$A two"
LABEL x=y
FROM base
ARG V=3
WORKDIR /app
USER app
VOLUME ["/data"]
ENTRYPOINT ["./entrypoint.sh"]
CMD alembic upgrade head && exec app
"""
    built = view(root, text)
    assert (built.workdir, built.user, built.volumes) == ("/app", "app", ("/data",))
    assert built.env == {"A": "1", "B": " two"}
    assert built.labels == {"x": "y"}
    assert built.entrypoint == ("./entrypoint.sh",)
    assert built.cmd == ("/bin/sh", "-c", "alembic upgrade head && exec app")
    assert built.base.ref == "python:3.11"
    assert built.base.at.line == 1


def test_what_the_base_image_alone_has_is_not_made_up(root: Path) -> None:
    built = view(root, "FROM python:3.11\nCOPY . .\n")
    assert (built.workdir, built.entrypoint, built.cmd) == (None, None, None)
    unknown = built.unknown("/app")
    assert unknown
    assert "WORKDIR of the image python:3.11" in unknown.reason


def test_host_and_image_paths_translate_both_ways(root: Path) -> None:
    write(root, {".dockerignore": "migrations\n"})
    built = view(root, "FROM x AS a\nCOPY . /src\nFROM x\nCOPY --from=a /src /app\nCOPY migrations /db\n")
    assert built.image_path_of(root / "migrations/versions") == ("/app/migrations/versions", "/db/versions")
    assert built.image_path_of(root / "alembic.ini") == ("/app/alembic.ini",)
    assert built.image_path_of(root.parent) == ()
    assert built.host_path_of("/app/migrations/versions") == root / "migrations/versions"
    assert built.host_path_of("/app/nothing") is None


def test_links_are_copied_as_links_and_followed_as_sources(root: Path) -> None:
    write(root, APP)
    (root / "current").symlink_to("migrations")
    built = view(root, "FROM scratch\nCOPY current /a\nCOPY . /b\n")
    assert paths(built, "/a/versions") == {
        "/a/versions/001_a.py": "migrations/versions/001_a.py",
        "/a/versions/002_b.py": "migrations/versions/002_b.py",
    }
    link = next(one for one in built.files_under("/b") if one.kind is EntryKind.SYMLINK)
    assert (link.image_path, link.target) == ("/b/current", "migrations")
    assert set(paths(built, "/b/current/versions")) == {
        "/b/current/versions/001_a.py",
        "/b/current/versions/002_b.py",
    }


def test_links_never_lead_out_of_the_context(root: Path) -> None:
    outside = root / "outside"
    context = root / "context"
    write(outside, {"secret.py": "x"})
    write(context, APP)
    (context / "evil").symlink_to("../outside")
    built = view(context, "FROM scratch\nCOPY evil /a\nCOPY . /b\n")
    assert built.files_under("/a") == ()
    assert len(built.failures) == 1
    assert built.host_path_of("/b/evil/secret.py") is None


def test_links_in_a_circle_are_an_error(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(MigopsError, match="circle") as caught:
        view(root, "FROM scratch\nCOPY loop /a\n")
    assert caught.value.at == Location(str(root / "loop"))


def test_a_fifo_in_the_context_does_not_hang(root: Path) -> None:
    write(root, APP)
    os.mkfifo(root / "migrations/pipe")
    built = view(root, "FROM scratch\nADD . /a\n")
    kinds = {one.image_path: one.kind for one in built.files_under("/a/migrations")}
    assert kinds["/a/migrations/pipe"] is EntryKind.OTHER


def test_only_the_folder_that_is_asked_for_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, {"node_modules/x/y.js": "", ".git/objects/aa/bb": ""})
    seen: list[str] = []
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: seen.append(self.name) or listing(self))
    built = view(root, "FROM a AS b\nCOPY . /src\nFROM a\nCOPY --from=b /src /app\n")
    assert paths(built, "/app/migrations/versions") == VERSIONS
    built.excluded_under("/app/migrations/versions")
    built.sources_of("/app/migrations/versions")
    built.image_path_of(root / "migrations")
    assert set(seen) == {"versions"}


def test_an_inline_dockerfile_is_located_in_its_compose_file(root: Path) -> None:
    write(root, APP)
    built = trace(Inline("FROM x\nCOPY . /app\n", Location("compose.yaml", 7)), root)
    assert isinstance(built, BuildView)
    assert built.files_under("/app/alembic.ini")[0].at == Location("compose.yaml", 8)


@pytest.mark.parametrize("context", ["https://example.org/app.git#main", "git@example.org:a/b.git", "-"])
def test_a_remote_context_is_unknown(context: str) -> None:
    assert isinstance(trace(None, context), Unknown)


def test_another_frontend_is_unknown(root: Path) -> None:
    write(root, {"Dockerfile": "# syntax=example/other:1\nwhatever\n"})
    assert isinstance(trace(None, root), Unknown)


def test_bad_input_names_the_file(root: Path) -> None:
    with pytest.raises(MigopsError, match="no Dockerfile"):
        trace(None, root)
    os.mkfifo(root / "Dockerfile")
    with pytest.raises(MigopsError, match="regular file"):
        trace(None, root)
    with pytest.raises(MigopsError, match="not a folder"):
        trace(None, root / "nowhere")


def test_named_contexts(root: Path) -> None:
    write(root / "lib", APP)
    text = "FROM python:3.11\nCOPY --from=lib migrations /app/migrations\n"
    built = view(root, text, files={}, contexts={"lib": root / "lib"})
    assert len(built.files_under("/app/migrations/versions")) == 2
    built = view(root, text, files={}, contexts={"lib": "docker-image://example/lib"})
    assert built.unknown("/app/migrations") is not None


def test_stages_that_copy_from_each_other_in_twos_take_no_time(root: Path) -> None:
    text = "FROM scratch AS s0\nCOPY . /x\n"
    for number in range(1, 120):
        text += f"FROM s{number - 1} AS s{number}\n" + f"COPY --from=s{number - 1} /x /x\n" * 2
    built = view(root, text)
    assert len(built.files_under("/x/migrations/versions")) == 2
    assert built.unknown("/x") is None
    assert built.image_path_of(root / "migrations") == ("/x/migrations",)


@pytest.mark.parametrize(
    "text",
    [
        "FROM scratch\nENV A=" + "${A:-" * 100_000,
        "FROM scratch\n" + "ONBUILD " * 100_000 + "RUN x",
        "".join(f"FROM s{number} AS s{number + 1}\n" for number in range(5_000)),
    ],
)
def test_hostile_depth_is_an_error_with_a_line(root: Path, text: str) -> None:
    with pytest.raises(MigopsError) as caught:
        view(root, text)
    assert caught.value.at
    assert caught.value.at.line > 0
