"""MIG801 and MIG803: exactly the characters that must change, in every style that people write."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from migops.compose import ComposeOptions
from tests.cases.shop import Shop
from tests.fix_compose.kit import fix_of, fixed, refused, shop_at

DB = "  db:\n    image: postgres:15\n"
CHECKED = f"{DB}    healthcheck:\n      test: [CMD, pg_isready, -h, 127.0.0.1]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_at(tmp_path)


def text(shop: Shop, content: str) -> Shop:
    (shop.folder / "compose.yaml").write_bytes(content.encode())
    return shop


DEPENDS = {
    "a list": (
        "    depends_on:\n      - db\n",
        "    depends_on:\n      db:\n        condition: service_healthy\n",
    ),
    "a list as far left as its key": (
        "    depends_on:\n    - db\n    ports: []\n",
        "    depends_on:\n      db:\n        condition: service_healthy\n    ports: []\n",
    ),
    "others and comments": (
        "    depends_on:  # order\n      # the cache\n      - 'redis'   # first\n\n"
        '      - "db"  # then 🐘\n      # last\n'
        "    # about the port\n    ports: []\n",
        "    depends_on:  # order\n      # the cache\n      'redis':   # first\n        condition: service_started\n\n"
        '      "db":  # then 🐘\n        condition: service_healthy\n      # last\n'
        "    # about the port\n    ports: []\n",
    ),
    "a list without db": (
        "    depends_on:\n      - redis\n    environment: {URL: 'postgresql://a@db/a'}\n",
        "    depends_on:\n      redis:\n        condition: service_started\n      db:\n"
        "        condition: service_healthy\n    environment: {URL: 'postgresql://a@db/a'}\n",
    ),
    "flow": ("    depends_on: [ db, redis ] # x\n",
             "    depends_on: { db: {condition: service_healthy}, redis: {condition: service_started} } # x\n"),
    "flow over lines": (
        '    depends_on: [\n      "redis", # cache\n      db,\n    ]\n',
        '    depends_on: {\n      "redis": {condition: service_started}, # cache\n'
        "      db: {condition: service_healthy},\n"
        "    }\n",
    ),
    "a mapping": (
        "    depends_on:\n      db:\n        condition: service_started # TODO\n        restart: true\n",
        "    depends_on:\n      db:\n        condition: service_healthy # TODO\n        restart: true\n",
    ),
    "quoted": (
        "    \"depends_on\":\n      'db': { 'condition': \"service_started\" }\n",
        "    \"depends_on\":\n      'db': { 'condition': service_healthy }\n",
    ),
    "a mapping without db": (
        "    depends_on:\n      redis: {condition: service_started}\n      # nothing else\n    tty: yes\n",
        "    depends_on:\n      redis: {condition: service_started}\n      # nothing else\n"
        "      db:\n        condition: service_healthy\n    tty: yes\n",
    ),
    "an empty list": ("    depends_on: []\n", "    depends_on: {db: {condition: service_healthy}}\n"),
    "an empty mapping": ("    depends_on: {}\n", "    depends_on: {db: {condition: service_healthy}}\n"),
    "links alone": (
        "    links: [db]\n",
        "    links: [db]\n    depends_on:\n      db:\n        condition: service_healthy\n"
        "        restart: true\n",
    ),
    "links and others": (
        "    links: [db]\n    depends_on: [redis]\n",
        "    links: [db]\n"
        "    depends_on: {redis: {condition: service_started}, db: {condition: service_healthy, restart: true}}\n",
    ),
    "none": (
        "    environment:\n      URL: postgresql://a@db/a\n    # commented: out\n\n\n",
        "    environment:\n      URL: postgresql://a@db/a\n    # commented: out\n"
        "    depends_on:\n      db:\n        condition: service_healthy\n\n\n",
    ),
    "below a block scalar": (
        "    labels:\n      note: |\n        two\n\n        lines\n\n",
        "    labels:\n      note: |\n        two\n\n        lines\n    depends_on:\n      db:\n"
        "        condition: service_healthy\n\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), DEPENDS.values(), ids=DEPENDS.keys())
def test_depends_on(shop: Shop, before: str, after: str) -> None:
    whole = (
        "x-services: {app: {depends_on: [db]}}\nservices:\n  app:\n    build: .\n%s"
        + CHECKED
        + "  redis:\n    image: redis\n"
    )
    assert fixed(text(shop, whole % before), "MIG801")["compose.yaml"].decode() == whole % after


def test_the_last_service_and_no_final_line_end(shop: Shop) -> None:
    before = f"services:\n{CHECKED}  app:\n    build: .\n    depends_on:\n      - db"
    after = before.replace("- db", "db:\n        condition: service_healthy")
    assert fixed(text(shop, before), "MIG801")["compose.yaml"].decode() == after
    before = f"services:\n{CHECKED}  app:\n    build: ."
    after = f"{before}\n    depends_on:\n      db:\n        condition: service_healthy"
    assert fixed(text(shop, before), "MIG801")["compose.yaml"].decode() == after


def test_line_ends_byte_order_mark_and_four_spaces(shop: Shop) -> None:
    before = (
        "\ufeff# shop\r\nservices:\r\n    app: # ours\r\n        build: .\r\n"
        "        depends_on:\r\n            - db\r\n"
        "    db:\r\n        image: postgres:15 # 🐘\r\n        tty: on\r\n\r\n# end\r\n"
    )
    after = before.replace(
        "            - db\r\n", "            db:\r\n                condition: service_healthy\r\n"
    ).replace(
        "        tty: on\r\n",
        "        tty: on\r\n        healthcheck:\r\n"
        "            test: [\"CMD-SHELL\", 'pg_isready -h 127.0.0.1 -U \"postgres\" -d \"postgres\"']\r\n"
        "            interval: 5s\r\n            timeout: 5s\r\n"
        "            retries: 20\r\n            start_period: 30s\r\n",
    )  # fmt: skip
    assert fixed(text(shop, before.replace("tty: on", "tty: true")), "MIG801")[
        "compose.yaml"
    ].decode() == after.replace("tty: on", "tty: true")


@pytest.mark.parametrize(
    ("given", "user", "database"),
    [
        ("environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: pw}", "$$POSTGRES_USER", "$$POSTGRES_USER"),
        ("environment: [POSTGRES_USER=shop, POSTGRES_DB=other]", "$$POSTGRES_USER", "$$POSTGRES_DB"),
        ("environment: {POSTGRES_DB: other}", "postgres", "$$POSTGRES_DB"),
        ("environment: {POSTGRES_USER_FILE: /run/secrets/u}", '$$(cat "$$POSTGRES_USER_FILE")',
         '$$(cat "$$POSTGRES_USER_FILE")'),
        ("env_file: missing.env", "$${POSTGRES_USER:-postgres}", "$${POSTGRES_DB:-$${POSTGRES_USER:-postgres}}"),
    ],
)  # fmt: skip
def test_the_health_check_has_the_user_of_the_container(shop: Shop, given: str, user: str, database: str) -> None:
    before = f"services:\n  app:\n    build: .\n    depends_on: [db]\n  db:\n    image: postgres:15\n    {given}\n"
    made = fixed(text(shop, before), "MIG801")["compose.yaml"].decode()
    assert (
        f"""['CMD-SHELL', 'pg_isready -h 127.0.0.1 -U "{user}" -d "{database}"']""".replace(
            "'CMD-SHELL'", '"CMD-SHELL"'
        )
        in made
    )


def test_services_of_the_same_name_in_other_places_and_other_documents(shop: Shop) -> None:
    before = dedent("""\
        x-note: {services: {db: {image: postgres:15}}}
        ---
        services:
          app:
            build: .
            depends_on: [db]
            labels:
              db: "services: {db: }"
        ---
        services:
          db:
            image: postgres:15
            environment:
              POSTGRES_USER: 'services'
        ...
        """)
    after = fixed(text(shop, before), "MIG801")["compose.yaml"].decode()
    assert after.startswith(before[: before.index("depends_on")])
    assert after.endswith("    start_period: 30s\n...\n")


def test_an_anchor_that_only_these_services_share(shop: Shop) -> None:
    before = dedent("""\
        x-app: &app
          build: .
          depends_on: &needs [db]
        services:
          app:
            <<: *app
          worker:
            <<: *app
            command: python main.py
        """)
    made = fixed(text(shop, before + CHECKED), "MIG801")["compose.yaml"].decode()
    assert made == before.replace("[db]", "{db: {condition: service_healthy}}") + CHECKED


def test_an_anchor_that_others_share_is_left_alone(shop: Shop) -> None:
    before = dedent("""\
        x-base: &base
          depends_on: [db]
        services:
          app:
            <<: *base
            build: .
          admin:
            <<: *base
            image: dpage/pgadmin4
        """)
    assert "admin would change too" in refused(text(shop, before + CHECKED), "MIG801")


def test_the_file_in_which_it_stands(shop: Shop) -> None:
    """The override, an included file, and a file that is extended."""
    base = "services:\n  base:\n    build: .\n    depends_on: [db]\n"
    shop.write("common.yaml", base).write(
        "db.yaml", f"services:\n{CHECKED}".replace("    healthcheck:", "    # check\n    healthcheck:")
    )
    main = "include: [db.yaml]\nservices:\n  app:\n    extends: {file: common.yaml, service: base}\n"
    assert fixed(text(shop, main), "MIG801").keys() == {"common.yaml"}
    shop.write("common.yaml", base)
    shop.write(
        "compose.override.yaml", "services:\n  app:\n    depends_on:\n      db:\n        condition: service_started\n"
    )
    assert fixed(text(shop, main), "MIG801").keys() == {"compose.override.yaml"}


def test_with_options_and_variables(shop: Shop) -> None:
    shop.write("ops/prod.yml", f"services:\n  app:\n    build: ${{HERE:-.}}\n    depends_on: [db]\n{CHECKED}")
    shop.write(".env", "HERE=.\n")
    options = ComposeOptions(files=("ops/prod.yml",), project_name="x", project_directory=".")
    assert b"build: ${HERE:-.}" in fixed(shop, "MIG801", options)["prod.yml"]


REFUSED = {
    "generated": ("# Code generated by tool. DO NOT EDIT.\n", "", "generated"),
    "another kind of server": ("", "  db:\n    image: mysql:8\n", "known to be right"),
    "a health check that is off": ("", f"{DB}    healthcheck: {{disable: true}}\n", "disabled on purpose"),
    "a health check without a test": ("", f"{DB}    healthcheck: {{interval: 5s}}\n", "has no test"),
    "data in no volume": ("", f"{DB}    environment: {{PGDATA: /data}}\n", "would be lost"),
    "an address of its own": ("", f"{DB}    command: -p 5433\n", "its address"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "db", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_not_edited(shop: Shop, head: str, db: str, reason: str) -> None:
    whole = f"{head}services:\n  app:\n    build: .\n    depends_on: [db]\n{db or CHECKED}"
    assert reason in refused(text(shop, whole), "MIG801")


def test_a_name_that_compose_substitutes_in_lists_only(shop: Shop) -> None:
    """Keys are not substituted, so the list cannot become a mapping."""
    needs = "    depends_on:\n      - db\n      - ${CACHE:-redis}\n"
    whole = f"services:\n  app:\n    build: .\n{needs}{CHECKED}  redis: {{image: redis}}\n"
    assert "not a plain name" in refused(text(shop, whole), "MIG801")


def test_the_one_that_migrates_is_waited_for(shop: Shop) -> None:
    healthy = "    depends_on: {db: {condition: service_healthy}}\n"
    migrate = f"  migrate:\n    build: .\n    command: alembic upgrade head\n    restart: always # up\n{healthy}"
    whole = f"services:\n  app:\n    build: .\n{healthy}{migrate}{CHECKED}"
    made = fixed(text(shop, whole), "MIG801")["compose.yaml"].decode()
    both = "{db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}"
    assert made == whole.replace("always", '"no"').replace("{db: {condition: service_healthy}}", both, 1)


TESTS = {
    "shell": ('["CMD-SHELL", "pg_isready -U a"] # c', '["CMD-SHELL", "pg_isready -h 127.0.0.1 -U a"] # c'),
    "shell alone": ("[CMD-SHELL, pg_isready]", "[CMD-SHELL, pg_isready -h 127.0.0.1]"),
    "text": ("pg_isready -U ${U:-a} || exit 1", "pg_isready -h 127.0.0.1 -U ${U:-a} || exit 1"),
    "words": ("['CMD', 'pg_isready', '-U', 'a']", "['CMD', 'pg_isready', '-h', '127.0.0.1', '-U', 'a']"),
    "words a line": (
        "\n        - CMD\n        - /usr/bin/pg_isready # x\n        - -q",
        "\n        - CMD\n        - /usr/bin/pg_isready # x\n        - -h\n        - 127.0.0.1\n        - -q",
    ),
    "a shell as words": ("[CMD, sh, -c, pg_isready]", "[CMD, sh, -c, pg_isready -h 127.0.0.1]"),
    "folded": (">\n        pg_isready\n        -U a", ">\n        pg_isready -h 127.0.0.1\n        -U a"),
}


@pytest.mark.parametrize(("before", "after"), TESTS.values(), ids=TESTS.keys())
def test_over_tcp(shop: Shop, before: str, after: str) -> None:
    whole = (
        "services:\n  app:\n    build: .\n    depends_on: {db: {condition: service_healthy}}\n"
        "  db:\n    image: postgres:15\n    healthcheck:\n      test: %s\n      retries: 3\n"
    )
    assert fixed(text(shop, whole % before), "MIG803")["compose.yaml"].decode() == whole % after


def test_the_title_says_what_is_done(shop: Shop) -> None:
    before = "services:\n  app:\n    build: .\n    depends_on: [db]\n  db:\n    image: postgres:15\n"
    fix = fix_of(text(shop, before), "MIG801")
    assert getattr(fix, "title", "") == "db gets a health check, and app waits until db is healthy"


def test_a_file_that_other_projects_may_include_is_not_edited(shop: Shop) -> None:
    """Only this project is looked at, and only its containers are tried."""
    common = shop.folder.parent / "common"
    common.mkdir()
    (common / "db.yaml").write_text(f"services:\n{DB}")
    app = "services:\n  app:\n    build: .\n    depends_on:\n      - db\n"
    text(shop, f"include: [../common/db.yaml]\n{app}")
    assert "so other projects may use it too" in refused(shop, "MIG801")
    (shop.folder / "db.yaml").write_text(f"services:\n{DB}")
    text(shop, f"include: [db.yaml]\n{app}")
    fixed(shop, "MIG801")


def test_a_file_that_the_call_names_is_the_projects_own(shop: Shop) -> None:
    text(shop, "services:\n  app:\n    build: .\n    depends_on:\n      - db\n")
    above = shop.folder.parent / "db.yaml"
    above.write_text(f"services:\n{DB}")
    fixed(shop, "MIG801", ComposeOptions(files=("compose.yaml", "../db.yaml")))
