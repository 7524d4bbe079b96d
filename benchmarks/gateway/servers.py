"""The servers that are compared: how each is installed, configured and started, with one API key where it knows keys."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.gateway.process import Process
from benchmarks.gateway.scenarios import MODEL

KEY: Final = "sk-0123456789abcdef0123456789abcdef"
CACHE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "readstone" / "benchmarks"
)
"""Where the peers of PyPI and npm are installed, each in a folder of its own."""

_NGINX: Final = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_max_body_size 32m;
  client_body_buffer_size 4m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream mock {{
    server 127.0.0.1:{upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      if ($http_authorization != "Bearer {key}") {{ return 401; }}
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
_HAPROXY: Final = """\
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option http-no-delay
frontend wire
  bind 127.0.0.1:{port}
  http-request deny deny_status 401 unless {{ req.hdr(authorization) -m str "Bearer {key}" }}
  default_backend mock
backend mock
  server mock 127.0.0.1:{upstream}
"""
_LITELLM: Final = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: none
general_settings:
  master_key: {key}
"""
_READSTONE: Final = """\
[engines.mock]
type = "http"
url = "http://127.0.0.1:{upstream}/v1"

[models."{model}"]
kind = "vision"
engine = "mock"
"""
# Its streams fail with versions of that package from 1.19 on, which it allows.
_PORTKEY: Final = f"""\
mkdir -p {CACHE}/portkey && cd {CACHE}/portkey && npm init --yes && \
npm pkg set overrides.@hono/node-server=1.13.3 && npm install @portkey-ai/gateway"""
_BEARER: Final = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server runs: its port, its upstream's, and a folder of its own."""

    port: int
    upstream: int
    folder: Path

    def write(self, name: str, template: str) -> str:
        """Fill a configuration in and write it into the folder; returns its path."""
        path = self.folder / name
        text = template.format(
            port=self.port, upstream=self.upstream, folder=self.folder, key=KEY, model=MODEL
        )
        path.write_text(text, "utf-8")
        return str(path)


@dataclass(frozen=True, slots=True)
class Server:
    """A server: the program that must be there, the command that installs it, how it is called.

    `alone`: its child processes have no part in what is measured.
    """

    name: str
    program: Path | None
    install: str
    command: Callable[[Place], list[str]]
    headers: Callable[[Place], dict[str, str]] = lambda _place: _BEARER
    environment: dict[str, str] = field(default_factory=dict[str, str])
    alone: bool = False

    @property
    def missing(self) -> bool:
        """Whether its program is not installed."""
        return self.program is None or not self.program.exists()

    def start(self, place: Place, core: int) -> Process:
        """Start it, pinned to a core."""
        place.folder.mkdir()
        log = place.folder / "log.txt"
        command = self.command(place)
        return Process(command, core, log, self.environment, alone=self.alone)


def _litellm(place: Place) -> list[str]:
    config = place.write("litellm.yaml", _LITELLM)
    program = str(CACHE / "litellm" / "bin" / "litellm")
    return [program, "--config", config, "--host", "127.0.0.1", "--port", str(place.port)]


def _router(place: Place) -> list[str]:
    """Its defaults, with room for 500 streams; it checks no key of the client's."""
    python = str(CACHE / "vllm-router" / "bin" / "python")
    workers = f"http://127.0.0.1:{place.upstream}"
    words = (
        f"-m vllm_router.launch_router --host 127.0.0.1 --port {place.port} --worker-urls {workers}"
    )
    return [
        python,
        *words.split(),
        *["--policy", "round_robin", "--max-concurrent-requests", "4096"],
    ]


def _portkey(place: Place) -> list[str]:
    script = CACHE / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    return ["node", str(script), f"--port={place.port}", "--headless"]


def _portkey_headers(place: Place) -> dict[str, str]:
    return _BEARER | {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{place.upstream}/v1",
    }


def _readstone(place: Place) -> list[str]:
    place.write("readstone.toml", _READSTONE)
    words = f"-m readstone serve --host 127.0.0.1 --port {place.port} --data-dir data"
    return [sys.executable, *words.split()]


def _readstone_headers(place: Place) -> dict[str, str]:
    """With the key that the first start shows."""
    shown = (place.folder / "log.txt").read_text("utf-8").partition("shown this once: ")[2]
    return {"authorization": f"Bearer {shown.split()[0]}"}


def _program(name: str) -> Path | None:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    return Path(found) if found else None


PEERS: Final = (
    Server(
        "nginx",
        _program("nginx"),
        "apt-get install nginx-light",
        lambda place: ["/usr/sbin/nginx", "-c", place.write("nginx.conf", _NGINX)],
    ),
    Server(
        "haproxy",
        _program("haproxy"),
        "apt-get install haproxy",
        lambda place: ["/usr/sbin/haproxy", "-f", place.write("haproxy.cfg", _HAPROXY)],
    ),
    Server(
        "vllm-router",
        CACHE / "vllm-router/bin/python",
        f"{sys.executable} -m venv {CACHE}/vllm-router && {CACHE}/vllm-router/bin/pip install vllm-router",
        _router,
    ),
    Server(
        "litellm",
        CACHE / "litellm/bin/litellm",
        f"{sys.executable} -m venv {CACHE}/litellm && {CACHE}/litellm/bin/pip install 'litellm[proxy]'",
        _litellm,
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    ),
    Server(
        "portkey",
        CACHE / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js",
        _PORTKEY,
        _portkey,
        _portkey_headers,
        {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "NODE_ENV": "production"},
    ),
    Server(
        "readstone",
        Path(sys.executable),
        "./run setup",
        _readstone,
        _readstone_headers,
        alone=True,
    ),
)
"""All that are compared with the direct way."""
