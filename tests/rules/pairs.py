"""For each rule a case that raises it and a near miss that stays silent: what differs between the two is the fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migops.analysis.evidence import Evidence
from migops.rules import RULES, judge
from migops.sources.git_status import GitStatus
from migops.sources.mounts import Mount
from tests.cases.shop import COMPOSE, INI, Shop
from tests.fixes import host
from tests.kit import Result, git
from tests.rules.made import ANONYMOUS, FIRST, GHOST, OLD, SECOND, container, evidence


@dataclass(frozen=True)
class Seen:
    """What a case came to: the rules with a finding, and those that could not be checked."""

    raised: frozenset[str]
    unchecked: frozenset[str] = frozenset()


Make = Callable[[Shop], Seen]


@dataclass(frozen=True)
class Pair:
    rule: str
    bad: Make
    near: Make


@dataclass(frozen=True)
class InSuite:
    """Two tests of the suite, as ``file::name``, where the pair takes an engine or more than a few lines."""

    rule: str
    bad: str
    near: str


def _seen(result: Result) -> Seen:
    document = result.json
    raised = frozenset(each["rule"] for each in document["findings"])
    return Seen(raised, frozenset(each["rule"] for each in document["skipped"]) - raised)


def check(shop: Shop) -> Seen:
    """check-image, of the archive if there is one."""
    image = ("--image", shop.archive, "--context", ".") if shop.has_image else ("--no-engine",)
    return _seen(shop.run("check-image", *image))


def doctor(shop: Shop) -> Seen:
    """doctor, of the archive and of the SQLite file if there are such."""
    image = ("--image", shop.archive) if shop.has_image else ("--no-engine",)
    url = ("--database-url", shop.url) if shop.url else ()
    return _seen(shop.run("doctor", *image, *url))


def status(shop: Shop) -> Seen:
    """status of host and database."""
    return _seen(shop.run("status", "--no-engine", "--database-url", shop.url))


def whole(shop: Shop) -> Seen:
    """status of host, image and database."""
    given = ("--image", shop.archive, "--context", ".", "--database-url", shop.url)
    return _seen(shop.run("status", *given))


def of(given: Evidence) -> Seen:
    """The rules on evidence that was made by hand."""
    found, skipped = judge(RULES, given)
    return Seen(frozenset(each.rule for each in found), frozenset(each.rule for each in skipped))


def made(given: Callable[[], Evidence]) -> Make:
    return lambda shop: of(given())


def built(look: Callable[[Shop], Seen], *edits: Callable[[Shop], object]) -> Make:
    """A project after these edits."""

    def make(shop: Shop) -> Seen:
        for edit in edits:
            edit(shop)
        return look(shop)

    return make


def write(name: str, text: str) -> Callable[[Shop], object]:
    return lambda shop: shop.write(name, text)


def compose(service: str, *more: str) -> Callable[[Shop], object]:
    """The compose file: lines of the service, then other services."""
    return write("compose.yaml", COMPOSE + "".join(f"    {line}\n" for line in (service,) if line) + "".join(more))


def line(*names: str) -> Callable[[Shop], object]:
    return lambda shop: shop.line(*names)


def image(shop: Shop) -> object:
    return shop.image()


def database(*rows: str, tables: tuple[str, ...] = ("product",)) -> Callable[[Shop], object]:
    return lambda shop: shop.database(*rows, tables=tables)


def committed(shop: Shop) -> object:
    return shop.committed()


def edited(shop: Shop) -> object:
    return shop.revision("a1", message="edited")


def crlf(shop: Shop) -> object:
    path = shop.folder / "migrations/env.py"
    return path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def body(text: str, name: str = "a1", parent: str | None = None) -> Callable[[Shop], object]:
    """A revision whose upgrade is this."""
    head = f"import sqlalchemy as sa\nfrom alembic import op\nrevision = {name!r}\ndown_revision = {parent!r}\n"
    code = f"{head}def upgrade():\n    {text}\ndef downgrade():\n    op.execute('1')\n"
    return write(f"migrations/versions/{name}.py", code)


def pushed(shop: Shop) -> object:
    """The upstream branch, as this clone knows it, is where the host is."""
    other = shop.folder.with_name("upstream")
    git(shop.folder.parent, "clone", "-q", "--bare", str(shop.folder), str(other))
    git(shop.folder, "remote", "add", "origin", str(other))
    git(shop.folder, "fetch", "-q", "origin")
    return git(shop.folder, "branch", "-q", "--set-upstream-to=origin/main")


NAMED = Mount("volume", "shop_migrations", "/app/migrations")
UNNAMED = Mount("volume", ANONYMOUS, "/app/migrations")
BIND = Mount("bind", "/srv/other/migrations", "/app/migrations")
WRITTEN = ("/app/migrations/versions/009.py",)
UNKNOWN = {"versions/009.py": GitStatus.NEVER}
SOURCELESS = write("alembic.ini", INI + "sourceless = true\n")
PYC = write("migrations/versions/c3.pyc", "old")
ENV, READS = host.WITH_ENV, write("migrations/env.py", host.READS)
LITERAL = "sqlalchemy.url = postgresql://shop:canary1@db:5432/shop\n"
PERCENT = "sqlalchemy.url = postgresql://a:1%2C@db/a\n"
READS_INI = write("migrations/env.py", host.ENGINE)
MODELS = write("models.py", "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ...\n")
ORDERS = write("orders.py", "from models import Base\nclass Order(Base):\n    __tablename__ = 'orders'\n")
SERVER = "  db:\n    image: postgres:15\n    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: s3cr}\n"
DATA = "    volumes: ['data:/var/lib/postgresql/data']\nvolumes: {data: {}}\n"
TCP = "    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}\n"
SOCKET = TCP.replace(", -h, 127.0.0.1", "")
MIGRATES = "    command: sh -c 'alembic upgrade head && exec python main.py'\n"


def with_server(app: str = "", server: str = SERVER, more: str = TCP + DATA) -> tuple[Callable[[Shop], object], ...]:
    return line("a1"), READS, write("compose.yaml", ENV + app + server + more)


PROXY = "  web:\n    image: nginx\n    volumes: ['./nginx.conf:/etc/nginx/nginx.conf']\n"
PASSES_ON = write("nginx.conf", "http { server { location / { proxy_pass http://app:8000; } } }\n")


def start(words: str) -> Make:
    """A service that starts with this line of a shell."""
    command = f"    command: sh -c '{words}; exec python main.py'\n"
    return built(doctor, line("a1"), READS, write("compose.yaml", ENV + command))


def dockerfile(run: str) -> Make:
    text = f"FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\n{run}"
    return built(doctor, line("a1"), READS, write("compose.yaml", ENV), write("Dockerfile", text))


def script(text: str, mode: int = 0o755) -> Make:
    file = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["./start.sh"]\n'
    return built(doctor, line("a1"), write("start.sh", text), write("Dockerfile", file),
                 lambda shop: (shop.folder / "start.sh").chmod(mode))  # fmt: skip


def env_py(text: str, *more: Callable[[Shop], object], variables: str = ENV) -> Make:
    return built(doctor, line("a1"), MODELS, write("compose.yaml", variables), write("migrations/env.py", text), *more)


def create_all(call: str) -> Make:
    main = f"from sqlalchemy import create_engine\nfrom models import Base\n{call}\n"
    return built(doctor, line("a1"), MODELS, READS, write("compose.yaml", ENV + "    command: python main.py\n"),
                 write("main.py", main))  # fmt: skip


PAIRS = (
    Pair("MIG001", built(check, line("a1", "b2"), committed, image, lambda shop: shop.without("b2")),
         built(check, line("a1", "b2"), committed, image)),
    Pair("MIG002", built(check, line("a1"), image, lambda shop: shop.revision("b2", "a1")),
         built(check, line("a1"), image, write("migrations/notes.py", "x = 1\n"))),
    Pair("MIG003", built(check, line("a1"), image, edited), built(check, line("a1"), image, crlf)),
    Pair("MIG004", built(check, line("a1"), lambda shop: shop.image(leave_out="migrations")),
         built(check, line("a1"), image, lambda shop: shop.revision("b2", "a1"))),
    Pair("MIG005", built(check, line("a1"), SOURCELESS, PYC, image, lambda shop: (shop.folder / "migrations/versions/c3"
         ".pyc").unlink()), built(check, line("a1"), PYC, image)),
    Pair("MIG006", built(check, line("a1"), image, write("migrations/env.py", "# other\n")),
         built(check, line("a1"), image, crlf)),
    Pair("MIG104", built(check, line("a1"), write(".dockerignore", "migrations/versions/a1.py\n")),
         built(check, line("a1"), write(".dockerignore", "migrations/versions/*.pyc\n"))),
    Pair("MIG106", built(doctor, line("a1"), write(".env", "PASSWORD=canary1\n")),
         built(doctor, line("a1"), write(".env", "PASSWORD=canary1\n"), write(".dockerignore", "**/.env\n"))),
    Pair("MIG107", dockerfile("RUN alembic upgrade head\n"), dockerfile("RUN alembic --help\n")),
    Pair("MIG108", script("#!/bin/sh\nexec python main.py\n", 0o644), script("#!/bin/sh\nexec python main.py\n")),
    Pair("MIG201", made(lambda: evidence(container(GHOST, BIND))), made(lambda: evidence(container(SECOND, NAMED)))),
    Pair("MIG202", made(lambda: evidence(container(FIRST, NAMED))), made(lambda: evidence(container(SECOND, NAMED)))),
    Pair("MIG203", made(lambda: evidence(container(FIRST, UNNAMED))),
         made(lambda: evidence(container(SECOND, UNNAMED)))),
    Pair("MIG204", made(lambda: evidence(container(FIRST, image=OLD))),
         made(lambda: evidence(container(SECOND, image=OLD)))),
    Pair("MIG205", made(lambda: evidence(container(GHOST, written=WRITTEN), git_records=UNKNOWN)),
         made(lambda: evidence(container(GHOST, written=WRITTEN), git_records={"versions/009.py": GitStatus.DELETED}))),
    Pair("MIG207", made(lambda: evidence(container(SECOND), owner=(1000, 1000))),
         made(lambda: evidence(container(SECOND), owner=(1000, 1000), uid=1000))),
    Pair("MIG301", built(check, line("a1"), lambda shop: shop.revision("b2", "a1").revision("c3", "a1")),
         built(check, line("a1"), lambda shop: shop.revision("b2", "a1").revision("c3", "a1").revision("d", "b2",
         "c3"))),
    Pair("MIG302", built(check, host.missing_parent), built(check, line("a1", "b2"))),
    Pair("MIG303", built(check, host.duplicate), built(check, line("a1", "b2"))),
    Pair("MIG304", built(check, host.cycle), built(check, line("a1", "b2"))),
    Pair("MIG305", built(check), built(check, line("a1"))),
    Pair("MIG306", built(check, host.unreadable), built(check, line("a1"), write("migrations/versions/__init__.py",
         "x"))),
    Pair("MIG307", built(doctor, host.no_downgrade), built(doctor, line("a1"))),
    Pair("MIG308", built(doctor, line("a" * 33)), built(doctor, line("a" * 32))),
    Pair("MIG309", built(doctor, body("op.add_column('item', sa.Column('x', sa.Integer))")),
         built(doctor, body("op.create_table('item')\n    op.add_column('item', sa.Column('x', sa.Integer))"))),
    Pair("MIG401", built(status, line("a1"), database()), built(status, line("a1"), database(tables=()))),
    Pair("MIG402", built(status, line("a1", "b2"), database("a1")), built(status, line("a1", "b2"), database("b2"))),
    Pair("MIG403", built(whole, line("a1"), image, line("a1", "b2"), database("b2")),
         built(whole, line("a1", "b2"), image, database("b2"))),
    Pair("MIG404", built(status, line("a1"), database("f9")), built(status, line("a1"), database("a1"))),
    Pair("MIG405", built(status, line("a1", "b2"), database("a1", "b2")),
         built(status, lambda shop: shop.revision("a1").revision("b2"), database("a1", "b2"))),
    Pair("MIG409", built(doctor, body("op.create_table('item')"), database("a1", tables=())),
         built(doctor, body("op.create_table('item')"), database("a1", tables=("item",)))),
    Pair("MIG501", built(doctor, line("a1"), write("alembic.ini", INI + PERCENT), READS_INI),
         built(doctor, line("a1"), write("alembic.ini", INI + PERCENT.replace("%", "%%")), READS_INI)),
    Pair("MIG502", built(check, host.no_folder), built(check, line("a1"))),
    Pair("MIG503", built(doctor, line("a1"), READS, write("compose.yaml", ENV), write("alembic.ini", INI + LITERAL)),
         built(doctor, line("a1"), READS, write("compose.yaml", ENV),
               write("alembic.ini", INI + LITERAL.replace(":canary1", "")))),
    Pair("MIG504", env_py(host.READS, variables=ENV.replace("canary1", "can%40ary")),
         env_py(host.READS.replace('"]', '"].replace("%", "%%")'), variables=ENV.replace("canary1", "can%40ary"))),
    Pair("MIG505", built(doctor, line("a1"), write("alembic.ini", INI.replace("path_separator",
         "version_path_separator"))),
         built(doctor, line("a1"), write("alembic.ini", INI))),
    Pair("MIG506", env_py(host.READS.replace("Base.metadata", "None")), env_py(host.READS)),
    Pair("MIG507", env_py(host.READS, ORDERS), env_py(host.READS.replace("from models",
         "import orders\nfrom models"), ORDERS)),
    Pair("MIG508", env_py(host.ENGINE), env_py(host.ENGINE, write("alembic.ini", INI + LITERAL))),
    Pair("MIG509", built(doctor, line("a1"), READS_INI, write("alembic.ini", INI + LITERAL.replace("sql:",
         "sql+asyncpg:"))),
         built(doctor, line("a1"), READS_INI, write("alembic.ini", INI + LITERAL.replace("sql:", "sql+psycopg:")))),
    Pair("MIG510", env_py(host.READS + host.LOCKS_FIRST),
         env_py(host.READS + host.LOCKS_FIRST.replace("engine.connect()", "engine.begin()"))),
    Pair("MIG601", create_all("Base.metadata.create_all(create_engine('postgresql://u@db/d'))"),
         create_all("def for_tests():\n    Base.metadata.create_all(create_engine('postgresql://u@db/d'))")),
    Pair("MIG602", start("alembic upgrade head"), start("alembic current")),
    Pair("MIG603", start("alembic upgrade head || true"), start("alembic upgrade head || exit 1")),
    Pair("MIG604", start("alembic stamp head"), start("alembic upgrade head || alembic stamp head")),
    Pair("MIG605", start("alembic revision --autogenerate -m auto"), start("alembic check")),
    Pair("MIG606", start('psql -c "DELETE FROM alembic_version"'), start('psql -c "SELECT * FROM alembic_version"')),
    Pair("MIG701", built(doctor, line("a1"), committed, lambda shop: shop.revision("b2", "a1")),
         built(doctor, line("a1"), committed, lambda shop: shop.revision("b2", "a1"), lambda shop: git(shop.folder,
         "add", "."))),
    Pair("MIG702", built(doctor, line("a1"), committed, edited), built(doctor, line("a1"), committed, crlf)),
    Pair("MIG703", built(doctor, host.ignored), built(doctor, line("a1"), write(".gitignore", "*.pyc\n"), committed)),
    Pair("MIG705", built(status, line("a1"), committed, database("a1"), edited),
         built(status, line("a1", "b2"), committed, database("a1"), lambda shop: shop.revision("b2", "a1",
         message="edited"))),
    Pair("MIG706", built(doctor, host.behind), built(doctor, line("a1"), committed, pushed)),
    Pair("MIG801", built(doctor, *with_server("    depends_on: [db]\n" + MIGRATES)),
         built(doctor, *with_server("    depends_on: {db: {condition: service_healthy}}\n" + MIGRATES))),
    Pair("MIG802", built(doctor, *with_server(server=SERVER.replace("s3cr", "postgres"))), built(doctor,
         *with_server())),
    Pair("MIG803", built(doctor, *with_server(more=SOCKET + DATA)), built(doctor, *with_server())),
    Pair("MIG804", built(doctor, *with_server(more=TCP)), built(doctor, *with_server())),
    Pair("MIG807", built(doctor, line("a1"), write("compose.yaml",
         COMPOSE + "    image: shop\n    volumes: ['.:/app']\n"
         "  worker:\n    image: shop\n")), built(doctor, line("a1"), write("compose.yaml", COMPOSE + "    image: shop\n"
         "    volumes: ['.:/app']\n  worker:\n    image: shop\n    volumes: ['.:/app']\n"))),
    Pair("MIG808", built(doctor, line("a1"), compose("container_name: shop_app")),
         built(doctor, line("a1"), compose("", "  cache:\n    image: redis\n    container_name: shop_cache\n"))),
    Pair("MIG809", built(doctor, line("a1"), PASSES_ON, compose("ports: ['8000:8000']", PROXY)),
         built(doctor, line("a1"), PASSES_ON, compose("ports: ['9000:9000']", PROXY))),
)  # fmt: skip

BY_TESTS = (
    InSuite("MIG101", "tests/cli/test_check_image.py::test_names_the_ghost_and_both_heads",
          "tests/cli/test_check_image.py::test_is_clean_with_exit_0"),
    InSuite("MIG102", "tests/examples/test_build.py::test_uncacheable_source",
          "tests/cli/test_check_image.py::test_a_copy_that_leaves_one_out"),
    InSuite("MIG103", "tests/examples/test_build.py::test_stale_base",
          "tests/cli/test_check_image.py::test_no_copy_at_all_from_scratch_is_certain"),
    InSuite("MIG105", "tests/examples/test_build.py::test_an_edit_of_the_same_size_and_date",
          "tests/cli/test_check_image.py::test_changed_in_substance"),
    InSuite("MIG206", "tests/rules/test_container.py::test_an_image_of_its_own_that_was_not_built",
          "tests/rules/test_container.py::test_the_same_everywhere"),
    InSuite("MIG208", "tests/rules/test_container.py::test_a_script_deleted_in_the_container",
          "tests/rules/test_container.py::test_a_one_off_container_is_asked_for_trapped_revisions_alone"),
    InSuite("MIG209", "tests/cli/test_which_configuration.py::test_a_tmpfs",
          "tests/cli/test_which_configuration.py::test_a_tmpfs_elsewhere"),
    InSuite("MIG210", "tests/cli/test_which_configuration.py::test_one_script",
          "tests/cli/test_which_configuration.py::test_the_host_s_own_folder_is_clean"),
    InSuite("MIG211", "tests/cli/test_which_configuration.py::test_start_and_what_is_typed_read_two_folders",
          "tests/cli/test_which_configuration.py::test_the_plain_one_said_again_is_no_other"),
    InSuite("MIG212", "tests/rules/test_stopped.py::test_a_container_that_restarts",
          "tests/rules/test_stopped.py::test_what_is_a_finding"),
    InSuite("MIG406", "tests/rules/test_database.py::test_diverged_and_not_joined_yet",
          "tests/rules/test_database.py::test_a_separate_branch_that_is_pending_is_no_fork"),
    InSuite("MIG407", "tests/examples/test_status.py::test_drift_of_the_schema",
          "tests/rules/test_drift.py::test_a_pending_revision_is_not_taken_for_one_that_was_skipped"),
    InSuite("MIG408", "tests/rules/test_database_schema.py::test_which_one_counts_is_said",
          "tests/rules/test_database_schema.py::test_no_finding"),
    InSuite("MIG410", "tests/rules/test_foreseen.py::test_it_is_told",
         "tests/rules/test_foreseen.py::test_near_misses"),
    InSuite("MIG704", "tests/cli/test_status_git.py::test_deleted_but_applied",
         "tests/cli/test_status_git.py::test_as_head_has_it_is_no_finding"),
    InSuite("MIG805", "tests/rules/test_stopped.py::test_a_server_that_the_project_builds",
          "tests/rules/test_stopped.py::test_what_is_a_finding"),
    InSuite("MIG806", "tests/rules/test_stopped.py::test_the_image_of_the_compose_file",
          "tests/rules/test_stopped.py::test_the_image_of_the_compose_file"),
)  # fmt: skip
