"""Hypothesis strategies for compose projects: files that use what real ones use, in every form, and mistakes too."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Files = dict[str, str]
SELDOM = 40


@dataclass(frozen=True)
class Raw:
    """YAML text that is written as it is: plain scalars, tags, anchors."""

    text: str


@dataclass(frozen=True)
class Made:
    """A project: its files by name, and the compose options to read it with."""

    files: Files
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


def dump(value: Any, indent: int = 0, tag: str = "") -> str:
    """Block-style YAML of dicts and lists; texts in double quotes, ``Raw`` as it is."""
    pad = "  " * indent
    if isinstance(value, Tagged):
        return dump(value.value, indent, f" {value.tag}")
    if isinstance(value, dict) and value:
        lines = [
            f"{pad}{key if isinstance(key, str) else key.text}:{dump(entry, indent + 1)}"
            for key, entry in value.items()
        ]
        return f"{tag}\n" + "\n".join(lines) if indent else "\n".join(lines)
    if isinstance(value, list) and value:
        return f"{tag}\n" + "\n".join(f"{pad}-{dump(item, indent + 1)}" for item in value)
    if isinstance(value, Raw):
        return f"{tag} {value.text}"
    return f"{tag} {json.dumps(value, ensure_ascii=False)}"


@dataclass(frozen=True)
class Tagged:
    tag: str
    value: Any


def pick(*values: Any, bad: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """One of the values; seldom one that compose refuses."""
    return st.sampled_from(values * (1 + SELDOM * len(bad) // len(values)) + bad)


PLAIN = pick(*map(Raw, (
    "yes", "no", "on", "off", "true", "False", "~", "null", "1", "0", "-3", "010", "0o17", "0x1F", "1.0", "1.50", "1e3",
    "1_000", ".5", "22:22", "1.2.3", "abc", "a b", "2.40.3", "1000000.0", "12345678.9", "+7", "08", ".inf", "''", '""',
    "'quoted'", "0b11", "-0x1f", "1e-7", "0.1", "99999999999999999999",
)))  # fmt: skip
TEMPLATES = pick(
    "$TAG",
    "${TAG}",
    "${TAG:-d}",
    "${UNSET:-d}",
    "${UNSET-d}",
    "${EMPTY:-d}",
    "${EMPTY-d}",
    "${TAG:+set}",
    "${UNSET:+set}",
    "${EMPTY+set}",
    "${EMPTY:+set}",
    "$$TAG",
    "$${TAG}",
    "a$$b",
    "${UNSET:-${TAG}}",
    "${UNSET:-${UNSET2:-x}}-y",
    "${UNSET}",
    "${TAG}${TAG}",
    "${UNSET:-a}b${TAG:-c}d",
    "${TAG:?must}",
    "$",
    "$ x",
    "a$1",
    "${UNSET-}",
    "${UNSET:-a:b}",
    "${A-b}-${C-d}",
    "${UNSET:-$TAG}",
    "${TAG:-{}}",
    '${UNSET:-{"a": 1}}',
    "${DOT}",
    "${QUOTED}",
    "${HOME}",
    bad=(
        "${UNSET:?must be set}",
        "${UNSET?}",
        "${",
        "${}",
        "${TAG",
        "${1A}",
        "${TAG!x}",
        "${UNSET:?need ${TAG}}",
        "${A:-${B?no}}",
    ),
)
WORDS = pick(
    "a",
    "app",
    "db",
    "x y",
    "",
    "é",
    "a#b",
    "a: b",
    "true",
    "1",
    "- a",
    "#c",
    "{a}",
    "a\nb",
    "%",
    "a=b",
    "'",
    '"q"',
    "\\",
)
VALUE = st.one_of(PLAIN, TEMPLATES, WORDS)
TEXT = st.one_of(TEMPLATES, WORDS)
NAMES = ("app", "db", "web", "a.b", "x-y")
NAME = pick(*NAMES)
KEY = pick("A", "B", "C", "TAG", "UNSET", "a.b", "x-k", "HOME", "E1", "E2")


def lists(items: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=most)


def maps(
    keys: st.SearchStrategy[str], values: st.SearchStrategy[Any], most: int = 3
) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys, values, max_size=most)


def some(
    fields: dict[str, st.SearchStrategy[Any]], most: int = 4, **always: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """A mapping with a few of the fields, and what it always has."""
    chosen = st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=most) if fields else st.just([])
    return chosen.flatmap(lambda keys: st.fixed_dictionaries({**always, **{key: fields[key] for key in keys}}))


PAIRS = st.one_of(
    maps(KEY, VALUE),
    lists(
        st.one_of(
            KEY, st.builds("{}={}".format, KEY, st.one_of(WORDS.filter(lambda word: "\n" not in word), TEMPLATES))
        )
    ),
)
COMMAND = st.one_of(
    pick("", "run me", "sh -c 'a b'", 'echo "a $$b"', "a\\ b", "a && b", "echo 'it''s'", "a; b", "a `b` c", "$$(x y)",
         "a  b", "x\ty", "python -m app --x=\"y z\"", "a | b", "echo 2>&1", "a '' b", bad=("bad '", "(a)", "a\\")),
    lists(st.one_of(WORDS, TEMPLATES)), pick(Raw("null"), Raw("[]"), Raw("")),
)  # fmt: skip
PATHS = pick(
    ".", "./x", "../x", "/abs", "~/h", "~", "x", "x/y", "${DIR}", "./a/../b", "/abs/", "./x/", ".x", "C:\\x", ""
)
SHORT_MOUNTS = pick(
    "./x:/x",
    "data:/data",
    "data:/data:ro",
    "/x",
    "/x:/y:rw,z",
    "~/h:/h",
    "../x:/x:ro",
    "data:/a/../b",
    ".:/",
    "./x:/x:ro,cached",
    "/x:/x:rshared",
    "data:/x:nocopy",
    "cache:/c",
    "${DIR}:/d",
    "${DIR:-./e}:/e",
    "x",
    "/",
    "./x",
    "C:\\x:/x",
    "./x:/x:Z,rslave",
    "/x/:/x/",
    "data:/data/",
    "d:/x",
    "./x:x",
    bad=("", ":/x", "./x:", "a:b:c:d", "data/sub:/x"),
)
LONG_MOUNT = some(
    {
        "source": st.one_of(PATHS, pick("data", "cache")), "read_only": pick(True, Raw("yes"), "${YES}", "no"),
        "consistency": pick("cached"), "bind": some({"create_host_path": pick(True, False),
            "propagation": pick("rshared"),
                                                    "selinux": pick("z"), "recursive": pick("enabled", bad=("bad",))}),
        "volume": some({"nocopy": pick(True, "true"), "subpath": pick("s"), "labels": PAIRS}),
        "tmpfs": some({"size": pick(1000, "1k", "1.5m", bad=(-1,)), "mode": pick(Raw("0700"), Raw("01777"), 448)}),
    },
    type=pick("bind", "volume", "tmpfs", "image", "npipe", bad=("bad",)), target=pick("/x", "/data", "/x/", "/a/../b",
        "x"),
)  # fmt: skip
PORTS = st.one_of(
    pick("80", "8080:80", "127.0.0.1:80:80", "80/udp", "8000-8002:80-82", "8000-8002:80", "[::1]:80:80", "3000-3002",
         "${PORT}:80", "127.0.0.1::80", "0.0.0.0:80:80/tcp", "80:80/TCP", "80:80/sctp", "9999-10001:9999-10001", "80/",
             "80:80/",
         bad=("x:80", "localhost:80:80", "65536", "80:81-82", "82-80", "", "80/bad", "::1:80:80", "1-2-3", " 80")),
    pick(Raw("80"), Raw("22:22"), Raw("8080:80"), 443, bad=(Raw("3.5"), True)),
    some({"published": pick("80", 80, "80-81", "${PORT}"), "protocol": pick("udp"), "mode": pick("host", "ingress"),
          "host_ip": pick("127.0.0.1", "::1", bad=("bad", "")), "name": pick("n"), "app_protocol": pick("http")},
         target=pick(80, "80", "${PORT}", bad=("x",))),
)  # fmt: skip
FILE_MOUNT = st.one_of(pick("s1", bad=("nope",)), some(
    {"target": pick("/t", "t"), "uid": pick("1"), "gid": pick("1"), "mode": pick(Raw("0440"), 288, "0440", bad=("x",))},
    source=pick("s1", bad=("nope",)),
))  # fmt: skip
DURATION = pick(
    "10s",
    "1m30s",
    "1h",
    "500ms",
    "1.5s",
    "0s",
    "2d",
    "1w",
    "100us",
    "90m",
    "1h0m1s",
    "-1s",
    "0",
    ".5s",
    bad=("10", "x", "", "1.s.2", "1y"),
)
SIZE = pick(
    "64m",
    "1g",
    "1.5GiB",
    1024,
    "1024",
    "10kb",
    "0",
    "1 m",
    "1b",
    Raw("1e3"),
    "2T",
    "1kib",
    "1.5",
    bad=("x", "-1", "", "1x", "1kibi", "m"),
)
BOOLEAN = pick(
    True, False, "true", "yes", Raw("no"), "${YES}", Raw("On"), Raw("y"), "False", bad=("${UNSET}", "x", 1, "")
)
COUNT = pick(1, 0, 2, "3", "${PORT}", bad=(-1, "x", Raw("1.5"), "", "1.5", "+2"))
BUILD = st.one_of(PATHS, pick("https://x.example/a.git", "git@x:y.git", "github.com/a/b#c"), some(
    {
        "context": st.one_of(PATHS, pick("https://x.example/a.git")), "dockerfile": pick("D", "../D", "/abs/D"),
            "args": PAIRS,
        "dockerfile_inline": pick("FROM x\n"), "target": TEXT, "labels": PAIRS, "cache_from": lists(TEXT),
            "network": pick("host"),
        "additional_contexts": st.one_of(maps(KEY, PATHS), lists(st.builds("{}={}".format, KEY, PATHS)),
            pick({"s": "docker-image://x"}, bad=(["bad"], {"s": "service:db"}))),
        "no_cache": BOOLEAN, "pull": BOOLEAN, "shm_size": SIZE, "tags": lists(TEXT),
            "platforms": lists(pick("linux/amd64", "linux/arm64")),
        "ssh": pick(["default"], {"default": Raw("")}, [], bad=(["bad"], ["a=./k"])), "secrets": lists(FILE_MOUNT),
            "privileged": BOOLEAN,
        "extra_hosts": pick(["a:1.2.3.4"], {"a": "1.2.3.4"}, ["a=::1"], bad=(["bad"], ["=x"])), "isolation": TEXT,
            "x-b": VALUE,
    }, most=5,
))  # fmt: skip
DEPENDS_ON = st.one_of(lists(NAME), maps(NAME, some(
    {"restart": BOOLEAN, "required": pick(True, False)}, condition=pick("service_started", "service_healthy",
        bad=("bad",)),
)))  # fmt: skip
NETWORKS = st.one_of(lists(pick("default", "n1", "n2", bad=("nope",))), maps(pick("default", "n1", "n2"),
    st.one_of(pick(Raw("null"), Raw("")), some({
    "aliases": lists(TEXT), "ipv4_address": pick("10.0.0.1"), "priority": pick(1, 100), "mac_address": TEXT,
    "driver_opts": maps(KEY, pick("a", 1)), "gw_priority": pick(0, 2), "x-n": VALUE,
}))))  # fmt: skip
HEALTHCHECK = some({
    "test": st.one_of(pick("true", "", ["NONE"], ["CMD", "x"], ["CMD-SHELL", "x y"], [], bad=(["bad"],)), TEMPLATES),
        "interval": DURATION,
    "timeout": DURATION, "retries": COUNT, "start_period": DURATION, "start_interval": DURATION, "disable": BOOLEAN,
})  # fmt: skip
DEPLOY = some({
    "replicas": COUNT, "mode": pick("replicated"), "labels": PAIRS, "endpoint_mode": pick("vip"),
    "resources": some({"limits": some({"cpus": pick("0.5", 0.25, 1, bad=("x",)), "memory": pick("50M", "1g",
        bad=("x",)), "pids": COUNT}),
                       "reservations": some({"memory": pick("20M"), "devices": pick([{"capabilities": ["gpu"]}],
                                             [{"capabilities": [], "count": "all", "driver": "nvidia"}],
                                                 bad=([{"count": 1}],))})}),
    "update_config": some({"parallelism": COUNT, "delay": DURATION, "order": pick("start-first", bad=("bad",)),
        "max_failure_ratio": pick(0.1, "0.2", 0)}),
    "restart_policy": some({"condition": TEXT, "delay": DURATION, "max_attempts": COUNT, "window": DURATION}),
    "placement": some({"constraints": lists(TEXT), "preferences": pick([{"spread": "x"}]),
        "max_replicas_per_node": COUNT}),
})  # fmt: skip
ENV_FILE = st.one_of(pick("a.env", "./b.env", [], bad=("missing.env",)), lists(st.one_of(pick("a.env", "b.env"), some(
    {"required": pick(True, False, bad=("x",)), "format": pick("raw", bad=("x",))},
    path=pick("a.env", "b.env", "raw.env", bad=("missing.env",)),
), pick({"path": "missing.env", "required": False}, {"path": "a.env", "required": "false"}))))  # fmt: skip
SERVICE_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "image": pick("app", "app:${TAG}", "${UNSET:-x}", "a b", Raw("1.2.3"), bad=("", Raw("1"), Raw("true"))),
        "build": BUILD, "command": COMMAND, "entrypoint": COMMAND, "environment": PAIRS, "labels": PAIRS,
    "env_file": ENV_FILE, "volumes": lists(st.one_of(SHORT_MOUNTS, LONG_MOUNT)), "ports": lists(PORTS),
        "depends_on": DEPENDS_ON,
    "networks": NETWORKS, "healthcheck": HEALTHCHECK, "deploy": DEPLOY, "scale": COUNT, "profiles": lists(pick("p1",
        "p2", "${TAG}")),
    "secrets": lists(FILE_MOUNT), "configs": lists(FILE_MOUNT), "tmpfs": st.one_of(TEXT, lists(pick("/x",
        "/run:size=1m", "/data", "/x:ro"))),
    "restart": st.one_of(pick("always", "no", Raw("no"), Raw("always"), Raw("yes"), "on-failure:3"), TEMPLATES),
    "user": st.one_of(TEXT, pick(Raw("a:b"), bad=(Raw("0"),))),
    "working_dir": TEXT, "container_name": pick("cc", "c d", "${TAG}", bad=("", "c")), "platform": pick("linux/amd64",
        "x"),
    "pull_policy": pick("always", "if_not_present", "missing", "never", "build", "daily", "every_1d", bad=("bad",)),
        "hostname": TEXT,
    "init": BOOLEAN, "tty": BOOLEAN, "privileged": BOOLEAN, "read_only": BOOLEAN, "stdin_open": BOOLEAN,
        "mem_limit": SIZE, "cpus": pick("0.5", 1.5, 2, "0.1", bad=("x",)),
    "shm_size": SIZE, "stop_grace_period": DURATION, "links": lists(pick("db", "db:alias")),
        "volumes_from": lists(pick("db", "db:ro", "container:x")),
    "network_mode": pick("host", "none", "bridge", bad=("service:nope", "service:db")), "pid": pick("host",
        bad=("service:db",)), "ipc": pick("host", bad=("service:web",)),
    "dns": st.one_of(TEXT, lists(pick("8.8.8.8", "1.1.1.1", "", "8.8.8.8"))), "dns_search": st.one_of(TEXT,
        lists(TEXT)),
    "extra_hosts": pick(["a:1.2.3.4", "a:5.6.7.8"], {"a": "1.2.3.4", "b": ["1.1.1.1", "2.2.2.2"]}, ["h=[::1]"],
        bad=(["bad"], {"a": Raw("")})),
    "cap_add": lists(TEXT), "devices": lists(pick("/dev/x", "/dev/x:/dev/y", "/dev/x:/dev/y:r", {"source": "/s",
        "target": "/t"}, bad=("a:b:c:d", {"source": "/dev/x"}))),
    "expose": lists(pick("80", 80, Raw("80"), "1-2", bad=(80.5,))), "ulimits": pick({"nofile": 10},
        {"nofile": {"soft": 1, "hard": "2"}}, {"n": 0}, {"nofile": "7"}, bad=({"nofile": "x"}, {"nproc": {"soft": 1}})),
    "sysctls": PAIRS, "annotations": PAIRS, "logging": some({"driver": pick("json-file", "syslog"),
        "options": maps(KEY, pick("a", 1, Raw("null")))}),
    "group_add": lists(pick("a", 1, bad=(2.5,))), "attach": BOOLEAN, "security_opt": lists(TEXT), "stop_signal": TEXT,
        "x-s": VALUE,
    "oom_score_adj": pick(1, "2", bad=(2000,)), "pids_limit": COUNT, "cgroup": pick("host", bad=("x",)),
        "domainname": TEXT, "label_file": pick("a.env", ["b.env"], bad=("missing.env",)),
    "mem_reservation": SIZE, "gpus": pick("all", [{"count": 1}], [{"driver": "n", "capabilities": ["gpu"]}],
        bad=([{"count": 1, "device_ids": ["a"]}],)), "runtime": TEXT, "storage_opt": pick({"size": "1g"}, {"a": 1}),
    "post_start": pick([{"command": "x y"}], [{"command": ["a"], "user": "u", "environment": ["A=b"]}],
        bad=([{"user": "x"}],)),
    "develop": pick({"watch": [{"path": ".", "action": "rebuild"}]}, {"watch": [{"path": "./x", "action": "sync",
        "target": "/x", "ignore": "y"}]},
                    bad=({"watch": [{"path": "x", "action": "sync"}]},)),
    "cpu_percent": pick(50, "50", bad=(200,)), "cpu_shares": pick(1, 1.5, "3"), "blkio_config": pick({"weight": 3,
        "device_read_bps": [{"path": "/x", "rate": "1m"}]}),
    "models": pick([], {}, bad=(["m"], {"m": {"endpoint_var": "E"}})), "provider": pick({"type": "t",
        "options": {"a": ["b", 1], "c": True}}),
}  # fmt: skip
SERVICE = some(SERVICE_FIELDS, most=6)
BASES = pick({"image": "app"}, {"build": "."}, bad=({},))
ANY_SERVICE = st.builds(lambda base, service: {**base, **service}, BASES, SERVICE)
EXTERNAL = pick(True, False, "true", "${YES}", {"name": "real"}, Raw("yes"), bad=("x",))
VOLUME = st.one_of(pick(Raw("null"), Raw("")), some({
    "name": TEXT, "external": EXTERNAL, "driver": pick("local", "x"), "labels": PAIRS,
    "driver_opts": pick({"type": "none", "o": "bind", "device": "./x"}, {"a": 1}, {"a": Raw("null")}), "x-v": VALUE,
}, most=2))  # fmt: skip
NETWORK = st.one_of(pick(Raw("null"), Raw("")), some({
    "name": TEXT, "external": EXTERNAL, "driver": pick("bridge"), "internal": BOOLEAN, "labels": PAIRS,
        "attachable": BOOLEAN,
    "ipam": pick({"config": [{"subnet": "10.0.0.0/8"}]}, {"driver": "default", "config": [{"subnet": "10.0.0.0/8",
        "gateway": "10.0.0.1"}]}, {}),
    "driver_opts": pick({"a": 1}), "enable_ipv6": BOOLEAN,
}, most=2))  # fmt: skip
SECRET = st.one_of(
    some({"name": TEXT, "labels": PAIRS, "x-e": VALUE}, file=PATHS),
    some({"name": TEXT}, environment=pick("TAG", "UNSET")),
    some({"file": PATHS, "name": TEXT}, external=EXTERNAL),
    pick({"file": "x"}, bad=({}, {"file": "x", "environment": "y"})),
)
CONFIG = st.one_of(
    some({"name": TEXT, "labels": PAIRS}, file=PATHS), some({"name": TEXT}, content=TEXT), some({},
        environment=pick("TAG", "UNSET")),
    some({"name": TEXT}, external=EXTERNAL), pick({"file": "x"}, bad=({}, {"file": "x", "content": "y"})),
)  # fmt: skip
TOP = {
    "volumes": st.fixed_dictionaries({}, optional={"data": VOLUME, "cache": VOLUME}),
    "networks": st.fixed_dictionaries({}, optional={"n1": NETWORK, "n2": NETWORK, "default": NETWORK}),
    "secrets": st.fixed_dictionaries({}, optional={"s1": SECRET}),
    "configs": st.fixed_dictionaries({}, optional={"c1": CONFIG}),
    "x-top": st.one_of(VALUE, PAIRS), "version": pick("3", "3.8", bad=(3,)), "name": pick("proj", "${TAG}", "My Proj!",
        bad=("", "${UNSET}", 12)),
    "models": pick({"m": {"model": "x"}}, bad=({"m": {}},)),
}  # fmt: skip


def tagged(service: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A service some of whose values are marked ``!reset`` or ``!override``."""

    def mark(entries: dict[str, Any], keys: list[str], tag: str) -> dict[str, Any]:
        return {key: Tagged(tag, value) if key in keys else value for key, value in entries.items()}

    keys = st.lists(st.sampled_from(sorted(SERVICE_FIELDS)), max_size=3)
    return st.builds(mark, service, keys, pick("!reset", "!override"))


def services(service: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAME, service, min_size=least, max_size=3)


def documents(service: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[Any]:
    defined = some(TOP, most=2, services=services(service, least))
    if not least:
        return defined
    # A first file defines what its services may use, so that most projects are whole.
    return defined.map(lambda document: {**copy.deepcopy(DEFINED), **document})


DEFINED: dict[str, Any] = {
    "volumes": {"data": Raw(""), "cache": {"name": "real"}}, "networks": {"n1": Raw(""), "n2": {}},
    "secrets": {"s1": {"file": "./s"}}, "configs": {"s1": {"content": "c"}},
}  # fmt: skip
ENV_LINES = pick(
    "A=1",
    "B='x $A'",
    'C="x $A\\n"',
    "export D=2",
    "E1",
    "F: yaml",
    "G=a # c",
    "H=a#c",
    "I=",
    "# comment",
    "",
    "J=${A}-${UNSET:-z}",
    "K='multi\nline'",
    'L="a" ',
    "M = spaced",
    "N=$$x",
    'O="\\$x"',
    "P=\\n",
    "TAG=env",
    "Q=${TAG}",
    'R="\\"q\\""',
    "S='it\\'s'",
    "T= lead",
    "U=a b c",
    "DIR=./fromenv",
    "PORT=81",
    "YES=yes",
    "x.y-z[0]=1",
    "é=1",
    "X=a\\$b",
    'Y="tab\\t"',
    "Z=`x`",
    "  AA=1",
    "AB=1\r",
    "UNSET2",
    "COMPOSE_PROFILES=p1",
    "COMPOSE_PROJECT_NAME=fromenv",
    "EMPTY=",
    'AD="a#b" # c',
    bad=("bad key=1", "V='open", "W=${UNSET:?no}", "!=1", "=x"),
)
ENV_TEXT = st.lists(ENV_LINES, max_size=5).flatmap(lambda lines: pick("\n".join(lines) + "\n", "\n".join(lines)))
ENVIRONMENT = {
    "TAG": "t1",
    "EMPTY": "",
    "DIR": "./fromprocess",
    "PORT": "81",
    "YES": "true",
    "DOT": "a.b",
    "QUOTED": 'q"q',
}


@st.composite
def projects(draw: st.DrawFn) -> Made:
    """A project with everything in it: several files, ``extends``, ``include``, profiles, env files."""
    files: Files = {}
    first = draw(documents(ANY_SERVICE, least=1))
    if draw(st.booleans()):
        _extend(draw, first, files)
    if draw(pick(False, False, True)):
        _include(draw, first, files)
    text = dump(first) + "\n"
    if draw(pick(False, False, False, True)):
        text += "---\n" + dump(draw(documents(SERVICE))) + "\n"
    files["compose.yaml"] = text
    if draw(st.booleans()):
        files["compose.override.yaml"] = dump(draw(documents(tagged(SERVICE)))) + "\n"
    if draw(st.booleans()):
        files[".env"] = draw(ENV_TEXT)
    for name in ("a.env", "b.env", "raw.env"):
        files[name] = draw(ENV_TEXT)
    # By the environment, as we refuse an option that names a profile of no service, and compose does not.
    profiles = draw(pick("", "", "p1", "*", "p1,p2"))
    return Made(files, (), {**ENVIRONMENT, **({"COMPOSE_PROFILES": profiles} if profiles else {})})


def _extend(draw: st.DrawFn, document: Any, files: Files) -> None:
    target = draw(NAME)
    where = draw(pick("", "base.yaml", "sub/base.yaml"))
    name = draw(st.sampled_from(sorted(document["services"])))
    if where:
        files[where] = (
            dump(draw(documents(ANY_SERVICE, least=1)).copy() | {"services": {target: draw(ANY_SERVICE)}}) + "\n"
        )
        document["services"][name]["extends"] = {"file": draw(pick(where, f"./{where}")), "service": target}
    else:
        document["services"][name]["extends"] = draw(pick(target, {"service": target}))


def _include(draw: st.DrawFn, document: Any, files: Files) -> None:
    where = draw(pick("inc.yaml", "sub/inc.yaml"))
    service = draw(pick("inc", "app"))
    files[where] = dump(draw(documents(ANY_SERVICE)) | {"services": {service: draw(ANY_SERVICE)}}) + "\n"
    if draw(st.booleans()):
        files["sub/.env"] = draw(ENV_TEXT)
    document["include"] = [draw(st.one_of(pick(where), some(
        {"project_directory": pick("sub", ".", "other"), "env_file": pick("a.env", ["a.env", "b.env"],
            bad=("missing.env",))}, path=pick(where, [where]),
    )))]  # fmt: skip
