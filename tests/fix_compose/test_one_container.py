"""MIG808 and MIG809: when they are reported, and what removes them without breaking who uses the name or the port."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import Shop
from tests.fix_compose.kit import findings, fix_of, fixed, refused, shop_at

NAMED = (
    "services:\n  app:\n    build: .\n    # its name\n    container_name: shop_app  # ours\n"
    "    ports:\n      - '8000:8000'\n"
)
NGINX = "  web:\n    image: nginx:1.27\n    volumes: ['./nginx.conf:/etc/nginx/nginx.conf:ro']\n"
PASSES_ON = "http { server { location / { proxy_pass http://app:8000; } } }\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_at(tmp_path)


def test_a_name_is_removed(shop: Shop) -> None:
    made = fixed(shop.write("compose.yaml", NAMED), "MIG808")["compose.yaml"].decode()
    assert made == NAMED.replace("    container_name: shop_app  # ours\n", "")
    assert getattr(fix_of(shop.write("compose.yaml", NAMED), "MIG808"), "by_name_only", False)


@pytest.mark.parametrize(
    ("file", "text"),
    [("Makefile", "shell:\n\tdocker exec -it shop_app bash\n"), ("nginx/a.conf", "proxy_pass http://shop_app:8000;\n")],
)
def test_a_name_that_is_used_stays(shop: Shop, file: str, text: str) -> None:
    shop.write("compose.yaml", NAMED).write(file, text).write("README.md", "docker exec shop_app\n")
    reason = refused(shop, "MIG808")
    assert f"{file}:" in reason
    assert "uses the name shop_app" in reason


def test_a_name_like_the_services_is_used_only_by_docker_itself(shop: Shop) -> None:
    shop.write("compose.yaml", NAMED.replace("shop_app", "app")).write("conf", "http://app:8000\n")
    assert "container_name" not in fixed(shop, "MIG808")["compose.yaml"].decode()
    shop.write("compose.yaml", NAMED.replace("shop_app", "app")).write("run.sh", "docker logs -f app\n")
    assert "run.sh:1 uses the name app" in refused(shop, "MIG808")


def test_a_name_in_flow_style_or_alone_in_a_file(shop: Shop) -> None:
    shop.write("compose.yaml", "services:\n  app: {build: ., container_name: shop_app}\n")
    assert "not a line of its own" in refused(shop, "MIG808")
    shop.write("compose.yaml", "services:\n  app:\n    build: .\n")
    shop.write("compose.override.yaml", "services:\n  app:\n    container_name: shop_app\n")
    assert "all that this file says" in refused(shop, "MIG808")


PORTS = {
    "alone": (NAMED, NAMED.replace("    ports:\n      - '8000:8000'\n", "")),
    "others": (
        NAMED.replace(
            "      - '8000:8000'\n", "      - '8000:8000' # web\n      # debugger\n      - 127.0.0.1:5678:5678\n"
        ),
        NAMED.replace("      - '8000:8000'\n", "      # debugger\n      - 127.0.0.1:5678:5678\n"),
    ),
    "flow": (
        NAMED.replace("\n      - '8000:8000'", " ['5678', '127.0.0.1:8000:8000']"),
        NAMED.replace("\n      - '8000:8000'", " ['5678']"),
    ),
    "long": (
        NAMED.replace("- '8000:8000'\n", "- target: 8000\n        published: 8000\n      - '5678'\n"),
        NAMED.replace("- '8000:8000'\n", "- '5678'\n"),
    ),
}


@pytest.mark.parametrize(("before", "after"), PORTS.values(), ids=PORTS.keys())
def test_a_port_behind_a_proxy_is_removed(shop: Shop, before: str, after: str) -> None:
    shop.write("compose.yaml", before + NGINX).write("nginx.conf", PASSES_ON)
    assert fixed(shop, "MIG809")["compose.yaml"].decode() == after + NGINX


def test_proxies_of_other_kinds(shop: Shop) -> None:
    caddy = "  web:\n    image: caddy:2\n    configs: [{source: c, target: /etc/caddy/Caddyfile}]\n"
    content = "configs:\n  c: {content: 'a.example { reverse_proxy app:8000 }'}\n"
    assert findings(shop.write("compose.yaml", NAMED + caddy + content), "MIG809")
    labels = "    labels: {traefik.http.services.a.loadbalancer.server.port: '8000'}\n"
    assert findings(shop.write("compose.yaml", f"{NAMED}{labels}  web:\n    image: traefik:v3\n"), "MIG809")


@pytest.mark.parametrize(
    "conf",
    ["http { server { location / { proxy_pass http://app:9000; } } }\n", "# http://app:8000\n", "http://my-app:8000\n"],
)
def test_no_proxy_is_read_to_use_the_port(shop: Shop, conf: str) -> None:
    assert findings(shop.write("compose.yaml", NAMED + NGINX).write("nginx.conf", conf), "MIG809") == []


def test_a_port_that_is_not_fixed(shop: Shop) -> None:
    shop.write("compose.yaml", NAMED.replace("'8000:8000'", "'8000'") + NGINX).write("nginx.conf", PASSES_ON)
    assert findings(shop, "MIG809") == []


def test_a_port_that_is_used_here_stays(shop: Shop) -> None:
    shop.write("compose.yaml", NAMED + NGINX).write("nginx.conf", PASSES_ON)
    assert "smoke.sh:1 uses port 8000" in refused(shop.write("smoke.sh", "curl localhost:8000/health\n"), "MIG809")
