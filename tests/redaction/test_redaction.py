"""What is taken out of text that others wrote: by form, by value, and what is left alone."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from migops.compose import ComposeOptions, load
from migops.core import redaction
from migops.core.redaction import learn, learn_environment, redact
from migops.core.redaction.known import Known
from migops.core.redaction.naming import of_environment, says_secret
from migops.core.redaction.redactor import Redactor

CANARY = "kAn4ry-s3cret"


def hidden(text: str, *secrets: str, public: tuple[str, ...] = ()) -> str:
    with redaction.scope():
        learn(lambda: Known(frozenset(secrets), frozenset(public)))
        return redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:{}@h/d",
        "postgresql://u:with@{}@h/d",
        "https://{}@pypi.example/simple",
        "postgresql://u@h/d?password={}&sslmode=prefer",
        "host=db user=x password={} dbname=y",
        "{{'user': 'u', 'password': '{}'}}",
        '{{"password": "{}", "a": 1}}',
        '"{{\\"password\\": \\"{}\\"}}"',
        'raise RuntimeError(\'{{"client_secret": "{}"}}\')',
        "Authorization: Bearer {}",
        "{{'Authorization': 'Basic {}'}}",
        "curl -H 'X-Api-Key: {}'",
        "API_TOKEN={}",
        "secret_key => {}",
        "aws_secret_access_key: {}",
        "mysql --password {} -h db",
        "ALTER ROLE a PASSWORD 'it''s {}",
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
        "|2 PIP_TOKEN={} OTHER=1 /bin/sh -c pip install x",
    ],
)
def test_by_form(text: str) -> None:
    assert CANARY in text.format(CANARY)
    assert CANARY not in redact(text.format(CANARY))


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com:8080/a/b",
        "the password: is it set? null",
        '{"token": null, "password": None}',
        "KeyError: 'password'",
        "password authentication failed for user",
        "(1045, \"Access denied for user 'app'@'172.18.0.3' (using password: YES)\")",
        "(1045, \"Access denied for user 'app'@'172.18.0.3' (using password: NO)\")",
        "[SQL: UPDATE users SET password=%(password)s WHERE token = $1]",
        "Key (id)=(5) already exists",
        "git@github.com:a/b.git",
        "sqlalchemy.exc.OperationalError: (psycopg.OperationalError) connection failed",
    ],
)
def test_what_only_looks_like_one_is_left(text: str) -> None:
    if "is it set" not in text:
        assert redact(text) == text
    assert "null" in redact(text) or "null" not in text


@pytest.mark.parametrize(
    "secret", [CANARY, "p@ss/w0rd & 'more'", 'with "quotes"\\and\tback', "grüße-an-alle", "100%$ure"]
)
def test_by_value_in_every_form(secret: str) -> None:
    data = secret.encode()
    for form in (
        secret, quote(secret, safe=""), quote(secret, safe="").replace("%2F", "%2f"), json.dumps(secret), repr(secret),
        json.dumps(secret, ensure_ascii=False), base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        secret.replace("'", "''"), secret.replace("%", "%%"), secret.replace("$", "$$"),
    ):  # fmt: skip
        assert hidden(f"tried {form} and failed", secret).startswith("tried "), form
        assert form.strip("'\"=") not in hidden(f"tried {form} and failed", secret)


FIXED = (
    'FATAL:  password authentication failed for user "postgres"',
    'connection to server at "db" (10.0.0.2), port 5432 failed: FATAL:  role "postgres" does not exist',
    'FATAL:  database "shop_db" does not exist',
    "fe_sendauth: no password supplied",
    "the server closed the connection unexpectedly",
    'DETAIL:  Connection matched pg_hba.conf line 100: "host all all all scram-sha-256"',
    "INFO  [alembic.runtime.migration] Running upgrade 008 -> 009, Add the secret table",
    "could not translate host name \"postgres-1\" to address: Name or service not known",
    "asyncpg.exceptions.InvalidPasswordError: password authentication failed for user \"shop\"",
    "Container shop-app-1  Started",
)  # fmt: skip


@pytest.mark.parametrize(
    "secret",
    ["password", "postgres", "user", "failed", "authentication", "shop", "shop_db", "db", "1", "a", "ab1", "app",
     "5432", "FATAL", "password authentication failed", "secret", "server", "connection", "Running upgrade"],
)  # fmt: skip
def test_the_fixed_phrases_survive_whatever_the_password_is(secret: str) -> None:
    public = ("shop", "shop_db", "postgres", "db", "app")
    for text in FIXED:
        assert hidden(text, secret, public=public) == text
    assert secret not in hidden(f"x://u:{secret}@h", secret).removeprefix("x://u").removesuffix("h")
    assert hidden(f"password='{secret}'", secret) == "password='***'"
    assert hidden(f"u:{secret}@h", secret) == "u:***@h"


def test_a_short_word_is_hidden_as_a_whole_word_only() -> None:
    assert (
        hidden("tried apples, pineapples and apples-and-pears", "apples")
        == "tried ***, pineapples and apples-and-pears"
    )
    assert hidden("20260101 but 120260101", "20260101") == "*** but 120260101"
    assert hidden("kAn4ryx", "kAn4ry") == "***x"


def test_lines_of_a_long_value_and_values_of_a_file_count_by_themselves() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\nshort\n-----END KEY-----\n"
    with redaction.scope():
        learn_environment([f"TLS_PRIVATE={key}", 'GOOGLE_CREDENTIALS={"private_id": "abc-123-def", "n": 1}'])
        learn_environment(["ENV_SECRET=A=first-value\nB='second-value'"])
        said = redact(f"line kqhkiG9w0BAQEF and short, abc-123-def, first-value, second-value, {key!r}")
    assert said == "line *** and short, ***, ***, ***, '***\\n'"


@pytest.mark.parametrize(
    "name",
    ["PASSWORD", "DB_PASS", "POSTGRES_PASSWORD", "PGPASSWORD", "dbPassword", "MYSQL_PWD", "API_TOKEN", "SECRET_KEY",
     "SECRET_KEY_BASE", "AWS_ACCESS_KEY_ID", "apiKey", "STRIPE_KEY", "KEY1", "SENTRY_DSN", "REDIS_AUTH", "AUTH_HEADER",
     "BASIC_AUTH", "GOOGLE_CREDENTIALS", "CREDENTIAL", "SSH_PRIVATE_KEY", "JWT_SIGNATURE", "HASH_SALT", "PASSPHRASE"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert says_secret(name)


@pytest.mark.parametrize(
    "name",
    ["PATH", "POSTGRES_USER", "POSTGRES_HOST_AUTH_METHOD", "TOKEN_TTL", "PASSWORD_MIN_LENGTH", "KEYCLOAK_HOST",
     "COMPASS_HOST", "AUTHOR", "DATABASE_URL", "PIPELINE", "PASSENGER_COUNT", "CACHE_KEY_PREFIX"],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert not says_secret(name)


def test_a_path_to_a_secret_and_what_is_said_of_it_are_none() -> None:
    found = of_environment({
        "DB_PASSWORD_FILE": "/run/secrets/db", "SSH_AUTH_SOCK": "/tmp/ssh-1/agent", "SSL_KEY": "/etc/ssl/key.pem",
        "SECRET": "/abc/def/ghi", "DATABASE_URL": "postgresql+asyncpg://me:p%40ss@db/shop", "SENTRY_DSN": "https://abcdefgh12@sentry/4",
        "POSTGRES_USER": "me", "EMPTY_PASSWORD": "", "PIP_INDEX_URL": "https://bot:tok123@pypi/simple",
    })  # fmt: skip
    assert found.secrets == {"/abc/def/ghi", "p%40ss", "p@ss", "bWU6cEBzcw", "abcdefgh12", "tok123", "Ym90OnRvazEyMw"}
    assert found.public == {"me"}


def test_everything_of_a_compose_project_is_learnt(tmp_path: Path) -> None:
    names = ("url", "env", "file", "arg", "secret", "fromenv", "command", "dotenv", "other")
    one = {name: f"Canary{name.title()}7" for name in names}
    (tmp_path / "compose.yaml").write_text(
        "services:\n  app:\n    image: x\n    build: {context: ., args: {PIP_TOKEN: "
        + one["arg"]
        + "}, secrets: [two]}\n"
        f"    environment: {{API_TOKEN: {one['env']}, DATABASE_URL: 'postgresql://u:{one['url']}@db/d'}}\n"
        f"    env_file: more.env\n    secrets: [one]\n    command: [run, --dsn, 'redis://:{one['command']}@r']\n"
        f"  other:\n    image: y\n    profiles: [off]\n    environment: {{ADMIN_PASSWORD: {one['other']}}}\n"
        "secrets:\n  one: {file: ./pw.txt}\n  two: {environment: BUILD_SECRET_TEXT}\n"
    )
    (tmp_path / "more.env").write_text(f"SIGNING_KEY={one['file']}\n")
    (tmp_path / "pw.txt").write_text(one["secret"] + "\n")
    (tmp_path / ".env").write_text(f"DEPLOY_PASSWORD={one['dotenv']}\n")
    with redaction.scope():
        load(ComposeOptions(), {"BUILD_SECRET_TEXT": one["fromenv"]}, cwd=str(tmp_path))
        for name, value in one.items():
            assert redact(f"bare {value}") == "bare ***", name
        assert redact("app x y other") == "app x y other"
    assert redact(f"bare {one['env']}") == f"bare {one['env']}", "a run's secrets are forgotten with it"


def test_it_is_fast_on_much_and_on_long_lines() -> None:
    redactor = Redactor.of(f"secret-number-{n}-{n * n}" for n in range(300))
    began = time.perf_counter()
    with redaction.scope():
        for text in ("a", "password", "://", "://a:", "password='", 'token=\\"', "--a-token", "bearer "):
            redact(text * 10_000 + "@" * 1000)
    for _ in range(500):
        redactor.hide("#12 Downloading something from somewhere, as builds do for minutes " * 3)
    assert time.perf_counter() - began < 30, "far from it: milliseconds"
