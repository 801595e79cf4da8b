"""Cases that are told by the text they leave: `migops alembic` explains it, by what the places hold."""

from __future__ import annotations

from tests.cases.case import Case
from tests.cases.shop import COMPOSE, ENV, INI, READS_INI, Answer, Shop

INTERPOLATION = (
    "ValueError: invalid interpolation syntax in 'postgresql+psycopg2://retrofun:123.%2C@192.168.1.186:5432/retrofun' "
    "at position 35"
)


def no_script_location(shop: Shop) -> Answer:
    """alembic.ini is not in the working directory, and only the Makefile passed -c."""
    (shop.folder / "alembic.ini").unlink()
    shop.write("mcpgateway/alembic.ini", INI.replace("= migrations", "= %(here)s/../migrations"))
    shop.write("compose.yaml", "services:\n  migration:\n    build: .\n    command: alembic upgrade head\n")
    return (
        shop.line("001").image().explain("FAILED: No 'script_location' key found in configuration.", "upgrade", "head")
    )


def may_not_write(shop: Shop) -> Answer:
    shop.write("compose.yaml", COMPOSE + "    user: '1000:1000'\n").line("001").image()
    return shop.explain("IOError: [Errno 13] Permission denied: '/app/migrations/versions/2019091011_x.py'")


def folder_exists(shop: Shop) -> Answer:
    return shop.line("001").explain("FAILED: Directory migrations already exists", "init", "migrations")


def long_id(shop: Shop) -> Answer:
    shop.line("0008_channels", "0009_agent_ownership_public_channel_model").image()
    return shop.explain(
        "sqlalchemy.exc.DataError: (psycopg2.errors.StringDataRightTruncation) value too long for type character "
        "varying(32)\n[SQL: UPDATE alembic_version SET version_num='0009_agent_ownership_public_channel_model']"
    )


def long_id_before_it_fails(shop: Shop) -> Answer:
    """On SQLite, where CI runs, nothing fails: the scripts themselves tell."""
    return shop.line("0008_channels", "0009_agent_ownership_public_channel_model").image().check()


def percent_in_url_before_it_fails(shop: Shop) -> Answer:
    url = "postgresql+psycopg2://retrofun:123.%2C@192.168.1.186:5432/retrofun"
    env = 'config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\n'
    shop.write("compose.yaml", COMPOSE + f"    environment: {{DATABASE_URL: '{url}'}}\n")
    return shop.line("001").write("migrations/env.py", env).doctor()


def percent_in_url(shop: Shop) -> Answer:
    return shop.line("001").explain(INTERPOLATION)


def cut_off_in_mysql(shop: Shop) -> Answer:
    """DDL commits by itself there, and the version is noted last: a restart in between leaves half a revision."""
    return shop.line("001").explain("sqlalchemy.exc.OperationalError: (1050, \"Table 'secrets' already exists\")")


def outside_of_the_network(shop: Shop) -> Answer:
    """Alembic was run on the host, with the name that only compose's network knows."""
    return shop.line("001").explain("psycopg.OperationalError: [Errno -2] Name or service not known")


def the_container_itself(shop: Shop) -> Answer:
    text = 'connection to server at "127.0.0.1", port 5432 failed: Connection refused'
    return shop.line("001").explain(text)


def no_url(shop: Shop) -> Answer:
    return shop.line("001").explain("KeyError: 'url'")


def no_module(shop: Shop) -> Answer:
    return shop.line("001").explain("ModuleNotFoundError: No module named 'app'")


def behind_an_idle_query(shop: Shop) -> Answer:
    return shop.line("001").explain("psycopg.errors.LockNotAvailable: canceling statement due to lock timeout")


def two_at_once(shop: Shop) -> Answer:
    return shop.line("001").explain(
        "psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "
        '"pg_type_typname_nsp_index"\nDETAIL:  Key (typname, typnamespace)=(alembic_version, 2200) already exists.'
    )


def column_exists(shop: Shop) -> Answer:
    return shop.line("001").explain("(1060, \"Duplicate column name 'p_name'\")")


def at_sign_in_the_ini(shop: Shop) -> Answer:
    """'@' became %40 in the ini."""
    shop.write("alembic.ini", INI + "sqlalchemy.url = postgresql://shop:s3cr%40t@db/shop\n")
    shop.write("migrations/env.py", ENV + READS_INI)
    return shop.line("001").image().check()


def dollar_in_a_value(shop: Shop) -> Answer:
    """compose takes `$ecret` for a variable, which nobody has set."""
    shop.write("compose.yaml", COMPOSE + "    environment: {DB_PASSWORD: 'pa$ecret'}\n")
    told = shop.run("config", "--explain", "services.app.environment")
    from tests.cases.shop import Said

    return Answer((Said("config", told.stderr, told.stderr),), told.code)


CASES = (
    Case("4", no_script_location, "no-script-location", ("`alembic -c mcpgateway/alembic.ini`",),
         ("by its path in the container: -c FILE",)),
    Case("24", may_not_write, "cannot-write-revision", ("runs as user 1000:1000",), ("the folder's owner",)),
    Case("25", folder_exists, "folder-exists", ("as a mount point",), ("mount its parent folder instead",)),
    Case("33", long_id, "long-revision-id", ("longer than 32 characters: 0009_agent_ownership_public_channel_model",),
         ("a shorter id", "varchar(128)")),
    Case("33b", long_id_before_it_fails, "MIG308", ("has 41 characters", "has room for 32"),
         ("a shorter id", "varchar(128)")),
    Case("34b", percent_in_url_before_it_fails, "MIG504", ("compose.yaml:4", "set_main_option interpolates it"),
         ('.replace("%", "%%")',)),
    Case("34", percent_in_url, "percent-sign", ("interpolation syntax",), ('url.replace("%", "%%")',)),
    Case("37b", two_at_once, "lost-race", ("at the same time",), ("not every replica",)),
    Case("39", cut_off_in_mysql, "table-exists", ("interrupted on a database without transactional DDL",), ("stamp",)),
    Case("40", outside_of_the_network, "name-not-resolved", ("cannot be resolved where Alembic runs",),
         ("need a common network",)),
    Case("40b", the_container_itself, "connection-refused", ("127.0.0.1 is the container that Alembic runs in",),
         ("5432",)),
    Case("near-1279", at_sign_in_the_ini, "MIG501", ("sqlalchemy.url breaks Alembic", "a single %"), ("%%",)),
    Case("near-606", no_url, "unusable-url", ("no usable database URL",), ("--explain",)),
    Case("near-324", no_module, "no-module", ("a module that is missing",), ("prepend_sys_path",)),
    Case("near-6606", behind_an_idle_query, "lock-timeout", ("waited for a lock",), ("that session has ended",)),
    Case("near-704", column_exists, "table-exists", ("already exists",), ("stamp",)),
    Case("near-8118", dollar_in_a_value, "config", ("ecret",), ("ecret",)),
)  # fmt: skip
