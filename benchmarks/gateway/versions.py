"""Which versions took part."""

import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.gateway.servers import CACHE

_NUMBER: Final = re.compile(r"\d+\.\d+[\w.+~-]*")


def found_version(name: str) -> str:
    """The version of a server that is installed."""
    match name:
        case "readstone":
            return version("readstone")
        case "nginx" | "haproxy":
            shown = subprocess.run(
                [f"/usr/sbin/{name}", "-v"], check=True, capture_output=True, text=True
            )
            found = _NUMBER.search(shown.stdout + shown.stderr)
            return found[0] if found else "unknown"
        case "portkey":
            manifest = CACHE / "portkey/node_modules/@portkey-ai/gateway/package.json"
            return str(json.loads(manifest.read_text("utf-8"))["version"])
        case _:
            return _wheel(CACHE / name, name.replace("-", "_"))


def _wheel(environment: Path, package: str) -> str:
    folders = environment.glob(f"lib/python*/site-packages/{package}-*.dist-info")
    return next((folder.name.split("-")[1].removesuffix(".dist") for folder in folders), "unknown")
