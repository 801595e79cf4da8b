"""What the text of a statement tells for certain, for ``inside``: what it may end, and where it surely writes nothing.

Inside a transaction the server is asked instead. Where it cannot be (a statement in autocommit is over at once), only
what is certain counts: SQLAlchemy's and Alembic's own reads, the catalogue's, settings. A table may be a view, and a
function, an operator or a type the user's own: whatever is not known by its exact name may write. Brought into the
container beside ``inside``: standard library alone, kept to what old Pythons read.
"""

import re
from typing import Any

LONGEST = 20000  # characters that a plain read may have
_SPACE = r"[ \t\n\r\f\v]"  # the server's own; other white space is part of a name to it
_PLAIN = r"[A-Za-z_\u0080-\U0010ffff][\w$\u0080-\U0010ffff]*"
_PART = r'(?:"(?:[^"]|"")+"|' + _PLAIN + ")"
_VALUE = r"(?:'[^'\\]*'|%\(\w+\)s|%s|\$\d+|:\w+)(?:::\w+)?"
_SKIPPED = re.compile(rf"(?:{_SPACE}|\(|--[^\n\r]*)+")
_ENDING = r"(commit|end|abort|prepare\s+transaction|rollback(?!\s+(work\s+|transaction\s+)?to\b))\b"
_ENDS, _IS_END = re.compile(rf"(?i)\b{_ENDING}"), re.compile(rf"(?i){_ENDING}")
_SETS = re.compile(
    r"(?i)(show|set|reset|begin|start\s+transaction|savepoint|release|close|rollback\s+((work|transaction)\s+)?to)\b"
)
_QUERIES = re.compile(r"(?i)(select|values|with|table|explain|fetch)\b")
_CHANGES = re.compile(r"(?i)\b(insert|update|delete|merge)\b")
_SEVERAL = re.compile(rf";(?={_SPACE}*[^ \t\n\r\f\v;])")
_QUOTED = re.compile(
    r"--[^\n\r]*|/\*|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"[^\"]*\"|(?<![\w$])\$(\w*)\$.*?\$\1\$", re.DOTALL
)
_TOKEN = re.compile(
    rf"(?P<space>{_SPACE}+)|(?P<string>'(?:[^'\\]|'')*')|(?P<value>%\(\w+\)s|%s|\$\d+|\d+(?:\.\d+)?)"
    rf"|(?P<name>{_PART}(?:\.{_PART})*(?:\.\*)?)|(?P<sign>::|<>|!=|<=|>=|\|\||[=<>+\-*(),\[\]])"
)
_RESERVED = (
    "select distinct from where and or not in case when then else on using having limit offset any all some exists"
    " array cast union except intersect values lateral only coalesce nullif greatest least"
)
_OTHERS = (
    "is null true false end as join left right full inner outer cross group by order asc desc like ilike escape between"
)
_ENDS_FROM = "select where group order having limit offset union except intersect"
_UNKNOWN = "into for with table window over operator collate tablesample returning filter within"
_BEFORE_BRACKET = frozenset(_RESERVED.split())  # no function can have these names
_WORDS = frozenset([*_BEFORE_BRACKET, *_OTHERS.split()])
_AFTER_FROM, _NEVER = frozenset(_ENDS_FROM.split()), frozenset(_UNKNOWN.split())
_TYPES = re.compile(
    r"(pg_catalog\.)?(text|varchar|name|oid|regclass|regtype|regnamespace|integer|int|int[248]|bigint|smallint|boolean|bool|char)"
)
_OF_CATALOGUE = re.compile(
    r"pg_catalog\.(pg_get_(?!wal)\w+|pg_\w+_is_visible|format_type|obj_description|col_description|shobj_description|array_agg"
    r"|unnest|generate_subscripts|generate_series|json_build_object|quote_ident|quote_literal|to_regclass|current_setting"
    r"|set_config|array_position|array_upper|array_length|lower|upper|length|count|max|min|pg_(try_)?advisory_\w+|pg_sleep)"
)
_ANYWHERE = re.compile(r"pg_(try_)?advisory_(xact_)?(un)?lock(_shared|_all)?|pg_sleep|to_regclass")
_WITHOUT_ARGUMENTS = re.compile(
    r"(pg_catalog\.)?(version|current_schema|current_database|now|pg_backend_pid|pg_is_in_recovery|pg_postmaster_start_time)"
)
_BY_SQLALCHEMY = re.compile(
    r"array_agg|json_build_object|min|bool_and|unnest|generate_subscripts|current_setting"
)  # not qualified in its questions to the catalogue
_RELATION = re.compile(
    r"(pg_catalog\.|information_schema\.)\w+|pg_(class|namespace|index|indexes|constraint|type|enum|attribute|tables|views"
    r"|extension|stat_activity|database|roles|settings|proc|trigger|locks"
    r"|depend|description|attrdef|am|inherits|sequence|collation)"
)


def bare(statement: str) -> str:
    """A statement without the comments, white space and brackets before it; comments may hold comments."""
    at, end = 0, len(statement)
    while at < end:
        if statement.startswith("/*", at):
            at = _past_comment(statement, at)
            continue
        skipped = _SKIPPED.match(statement, at)
        if skipped is None:
            break
        at = skipped.end()
    return statement[at:]


def _past_comment(statement: str, at: int) -> int:
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(statement, at):
        depth += 1 if mark.group() == "/*" else -1
        if not depth:
            return mark.end()
    return len(statement)


def begins(statement: str) -> str:
    """The first words of a statement, without anything that may be a value."""
    head = re.split(r"['$]|\s--|/\*", bare(statement[:LONGEST]), maxsplit=1)[0]
    return " ".join(re.sub(r"[^\w.\" ]", " ", head).split()[:4])


def may_end(statement: str) -> bool:
    """Whether it may end a transaction: a lone COMMIT, or one among several statements. (Also others: CASE … END.)"""
    return bool(_ENDS.search(statement) if _SEVERAL.search(statement) else _IS_END.match(bare(statement)))


def is_lone_end(statement: str) -> bool:
    """Whether it does nothing else."""
    return not _SEVERAL.search(statement) and may_end(statement)


def goes_on(statement: str) -> bool:
    """Whether something follows the end of a transaction in it."""
    if not _SEVERAL.search(statement):
        return False
    outline, at = "", 0
    quoted = _QUOTED.search(statement)
    while quoted is not None:
        outline += statement[at : quoted.start()] + " "
        at = _past_comment(statement, quoted.start()) if quoted.group() == "/*" else quoted.end()
        quoted = _QUOTED.search(statement, at)
    parts = [part.strip() for part in (outline + statement[at:]).split(";") if part.strip()]
    return any(_IS_END.match(part) for part in parts[:-1])


def rolls_back(statement: str) -> bool:
    """Whether a lone end of a transaction is none that commits."""
    return bool(re.match(r"(?i)(rollback(?!\s+prepared)|abort)\b", bare(statement)))


def is_query(statement: str) -> bool:
    """Whether it may well only read, though that is not certain."""
    text = bare(statement)
    return bool(_QUERIES.match(text)) and not _SEVERAL.search(text) and not _CHANGES.search(text)


def of_table(statement: str, tables: Any) -> bool:
    """Whether a statement is one by which Alembic itself writes to a version table: the whole of it, not a part."""
    for table in tables:
        name = rf'(?:{_PART}\.)?(?:"{re.escape(table)}"|{re.escape(table)})'
        column = rf"(?:{name}\.)?version_num"
        told = rf"(?:\s+RETURNING\s+{column})?"
        forms = (
            rf"INSERT\s+INTO\s+{name}\s*\(\s*version_num\s*\)\s*VALUES\s*\(\s*{_VALUE}\s*\){told}",
            rf"UPDATE\s+{name}\s+SET\s+version_num\s*=\s*{_VALUE}\s+WHERE\s+{column}\s*=\s*{_VALUE}{told}",
            rf"DELETE\s+FROM\s+{name}(?:\s+WHERE\s+{column}\s*=\s*{_VALUE})?{told}",
            rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{name}\s*\((?:(?!\b(?:AS|SELECT)\b)[^;'])*\)",
        )
        if any(re.fullmatch(rf"(?i)\s*{form}\s*;?\s*", statement) for form in forms):
            return True
    return False


def only_reads(statement: str, tables: Any, dialect: str = "postgresql") -> bool:
    """Whether a statement surely writes nothing, whatever else there is in the database."""
    text = bare(statement[: LONGEST + 1]).rstrip(" \t\n\r\f\v;")
    if len(statement) > LONGEST or ";" in text:
        return False
    if dialect != "postgresql":  # where no function is called, or none can write
        return bool(re.match(r"(?i)(select|show|set|pragma)\b", text)) and (dialect == "sqlite" or "(" not in text)
    if _SETS.match(text):
        return True
    for table in tables:
        name = rf'(?:{_PART}\.)?(?:"{re.escape(table)}"|{re.escape(table)})'
        if re.fullmatch(rf"(?i)SELECT\s+(?:{name}\.)?version_num\s+FROM\s+{name}", text):
            return True
    tokens = _tokens(text)
    return bool(tokens) and tokens[0][1] == "select" and _is_certain(tokens)


def _tokens(text: str) -> Any:
    """Kinds and texts; None where something is not known. Names are lower case, but where they are quoted."""
    tokens, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or "/*" in text or "--" in text:
            return None
        at = token.end()
        kind, word = str(token.lastgroup), token.group()
        if kind != "space":
            tokens.append((kind, word.lower() if '"' not in word else word))
    return tokens


class _Bracket:
    """What is open: a CAST, the list after a FROM; whether a relation or a type must come next."""

    def __init__(self, is_cast: bool = False, in_from: bool = False, awaits: str = "") -> None:
        self.is_cast, self.in_from, self.awaits = is_cast, in_from, awaits


def _is_certain(tokens: Any) -> bool:
    """Whether each relation, function and type of a SELECT is one that surely only reads."""
    is_sqlalchemys = any(word.startswith("pg_catalog.pg_") for _, word in tokens)
    stack = [_Bracket()]
    padded = [*tokens, ("", ""), ("", ""), ("", "")]
    for index, (kind, word) in enumerate(tokens):
        top, after = stack[-1], padded[index + 1]
        if word == "(":
            stack.append(_Bracket(padded[index - 1][1] == "cast", top.awaits == "relation", top.awaits))
            top.awaits = ""
        elif word == ")":
            stack.pop()
            if not stack:
                return False
        elif word == ",":
            top.awaits = "relation" if top.in_from else ""
        elif word == "::":
            top.awaits = "type"
        elif kind == "name" and word in _WORDS:
            if after[1] == "(" and word not in _BEFORE_BRACKET and not _joins(word, top):
                return False
            _turn(word, top)
        elif kind == "name":
            if word in _NEVER or after[0] == "string":
                return False
            if not _is_known(word, padded[index + 1 : index + 4], top, is_sqlalchemys):
                return False
            top.awaits = ""
        elif top.awaits:
            return False
    return len(stack) == 1


def _joins(word: str, top: _Bracket) -> bool:
    """A bracket after JOIN or AS is no call's."""
    return word == "join" and top.in_from and not top.awaits


def _turn(word: str, top: _Bracket) -> None:
    """What a key word changes."""
    if word in ("from", "join"):
        top.in_from, top.awaits = True, "relation"
    elif word in _AFTER_FROM:
        top.in_from, top.awaits = False, ""
    elif word == "as" and top.is_cast:
        top.awaits = "type"


def _is_known(name: str, following: Any, top: _Bracket, is_sqlalchemys: bool) -> bool:
    """Whether a name stands for something that is known; columns and other names are not asked about."""
    if top.awaits == "type":
        return bool(_TYPES.fullmatch(name))
    if following[0][1] == "(":
        if _WITHOUT_ARGUMENTS.fullmatch(name):
            return bool(following[1][1] == ")")
        if name == "count" and [each[1] for each in following[1:3]] == ["*", ")"]:
            return True
        known = _OF_CATALOGUE.fullmatch(name) or _ANYWHERE.fullmatch(name)
        return bool(known or (is_sqlalchemys and _BY_SQLALCHEMY.fullmatch(name)))
    return top.awaits != "relation" or bool(_RELATION.fullmatch(name))
