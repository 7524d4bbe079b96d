# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "hatch-fancy-pypi-readme",
#   "hatchling",
#   "inline-snapshot>=0.28",
#   "openai[aiohttp]==3.52.0",
#   "pip",
#   "pytest>=9",
#   "pytest-asyncio>=1.4",
#   "pytest-xdist>=3.6",
#   "rich>=13.7",
#   "trio>=0.22",
# ]
# ///
"""Runs the openai package's own tests of its resources against a base URL: openai_python.py BASE_URL KEY IMAGE FOLDER RESULT.

The tests come from the package's source distribution, which pip downloads into FOLDER and holds against the digest
in this script's lock. Each outcome is appended to RESULT as a line of JSON.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openai
import pytest


def obtain(folder: Path) -> Path:
    """The unpacked source distribution, downloaded once."""
    release = f"openai-{version('openai')}"
    if not (folder / release).exists():
        folder.mkdir(parents=True, exist_ok=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(f"openai=={version('openai')} --hash={digest(release)}\n")
        options = ["--quiet", "--no-deps", "--no-binary=openai", "--no-build-isolation"]
        pip = [sys.executable, "-m", "pip", "download", *options]
        subprocess.run([*pip, f"--dest={folder}", f"--requirement={requirements}"], check=True)
        with tarfile.open(folder / f"{release}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder / release


def digest(release: str) -> str:
    """The digest of the source distribution in this script's lock."""
    lock = Path(f"{__file__}.lock").read_text(encoding="utf-8")
    (found,) = re.findall(rf'/{re.escape(release)}\.tar\.gz", hash = "([^"]+)"', lock)
    return found


class Guest:
    """A pytest plugin: gives the suite's clients our key, its chat requests an image, and notes each outcome."""

    def __init__(self, key: str, result: Path) -> None:
        self._key = key
        self._result = result

    def pytest_sessionstart(self) -> None:
        """Put our key in the place of the suite's, which is no key of ours."""
        conftest = sys.modules["tests.conftest"]
        conftest.api_key = conftest.admin_api_key = self._key
        for client in (openai.OpenAI, openai.AsyncOpenAI):
            client.max_retries = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what never calls the server: checks of path parameters, of signatures, mocked answers."""
        items[:] = [item for item in items if calls_the_server(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Note the outcome."""
        report = yield
        if call.when == "call" or call.excinfo:
            line = {"test": item.nodeid, "outcome": report.outcome, **told(call.excinfo)}
            with self._result.open("a") as result:
                result.write(json.dumps(line) + "\n")
        return report


def calls_the_server(item: pytest.Item) -> bool:
    """Whether a test needs a server's answer."""
    fixtures = getattr(item, "fixturenames", ())
    mocked = any("mock" in name for name in fixtures)
    return not mocked and not any(name in item.name for name in ("path_params", "method_in_sync"))


def told(failure: pytest.ExceptionInfo[BaseException] | None) -> dict[str, Any]:
    """What a failure says: the status, code and field of an API error, else the exception."""
    if failure is None:
        return {}
    error = failure.value
    if isinstance(error, openai.APIStatusError):
        body = error.body if isinstance(error.body, dict) else {}
        return {
            "status": error.status_code,
            "code": body.get("code"),
            "param": body.get("param"),
            "message": body.get("message"),
        }
    return {"message": f"{type(error).__name__}: {error}"[:300]}


def show(image: Path) -> None:
    """Add a message with an image to every chat request: the suite's have words only, and we serve a reader."""
    page = f"data:image/jpeg;base64,{base64.b64encode(image.read_bytes()).decode()}"
    part = {"type": "image_url", "image_url": {"url": page}}
    for kind in (openai.OpenAI, openai.AsyncOpenAI):
        build = kind._build_request  # noqa: SLF001  (the one place where every request passes)

        def with_page(self: Any, options: Any, *, build: Any = build, **rest: Any) -> Any:
            if options.method == "post" and options.url == "/chat/completions":
                messages = [*options.json_data["messages"], {"role": "user", "content": [part]}]
                options.json_data = {**options.json_data, "messages": messages}
            return build(self, options, **rest)

        kind._build_request = with_page  # noqa: SLF001


def main() -> int:
    """Run the suite; 0 however many of its tests fail."""
    base_url, key, image, folder, result = sys.argv[1:]
    os.environ["TEST_API_BASE_URL"] = base_url
    show(Path(image))
    os.chdir(obtain(Path(folder)))
    sys.path.insert(0, str(Path.cwd()))
    # Without its own options the suite runs in one process, which is enough and in order.
    # The suite makes errors of warnings; that openai was imported before pytest is our doing.
    late = "ignore::pytest.PytestAssertRewriteWarning"
    quiet = [
        "-W",
        late,
        "-q",
        "--tb=no",
        "--no-header",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
    ]
    code = pytest.main([*quiet, "tests/api_resources"], plugins=[Guest(key, Path(result))])
    return 0 if code in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} else int(code)


if __name__ == "__main__":
    sys.exit(main())
