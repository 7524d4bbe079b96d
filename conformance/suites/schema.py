# /// script
# requires-python = ">=3.11"
# dependencies = ["schemathesis>=4.32"]
# ///
"""Runs schemathesis on a server's own /openapi.json: schema.py ADDRESS KEY OTHER MODEL IMAGE EXAMPLES REPORT.

REPORT becomes schemathesis' JSON report. What is generated is the same in every run. What would change KEY, which all
requests have, is asked for the key of the public id OTHER.
"""

import base64
import sys
from pathlib import Path
from typing import Any

import schemathesis
import schemathesis.cli

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""All but positive_data_acceptance: a request may fit the schema and ask for what the model cannot do."""


def reach_the_reader(model: str, image: Path) -> None:
    """Name a model that is served and add a page to generated chat requests, so that they get past the catalogue."""
    page = f"data:image/jpeg;base64,{base64.b64encode(image.read_bytes()).decode()}"
    part = {"type": "image_url", "image_url": {"url": page}}

    @schemathesis.hook
    def before_call(context: schemathesis.HookContext, case: schemathesis.Case, *_: Any) -> None:
        del context
        if not isinstance(case.body, dict):
            return
        # What is wrong on purpose stays wrong.
        named, messages = case.body.get("model"), case.body.get("messages")
        if isinstance(named, str) and named:
            case.body = {**case.body, "model": model}
        if isinstance(messages, list) and messages:
            shown = {"role": "user", "content": [part]}
            case.body = {**case.body, "messages": [*messages, shown]}


def spare(key: str, other: str) -> None:
    """Let nothing change or revoke the key that all requests have."""
    own = key.split("-")[1]

    @schemathesis.hook
    def before_call(context: schemathesis.HookContext, case: schemathesis.Case, *_: Any) -> None:
        del context
        named = case.path_parameters or {}
        if case.method != "GET" and own in str(named.get("id", "")):
            case.path_parameters = {**named, "id": other}


def main() -> int:
    """Run schemathesis; 0 whatever it finds."""
    address, key, other, model, image, examples, report = sys.argv[1:]
    reach_the_reader(model, Path(image))
    spare(key, other)
    arguments = [
        *("run", f"{address}/openapi.json", f"--header=Authorization: Bearer {key}"),
        *(f"--checks={','.join(CHECKS)}", f"--max-examples={examples}", "--seed=1"),
        *("--generation-deterministic", "--continue-on-failure"),
        *("--report=json", f"--report-json-path={report}", "--no-color"),
    ]
    try:
        code = schemathesis.cli.schemathesis.main(arguments, standalone_mode=False)
    except SystemExit as ended:  # it found something
        code = ended.code
    return 0 if code in {0, 1, None} else int(code)


if __name__ == "__main__":
    sys.exit(main())
