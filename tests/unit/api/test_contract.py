"""The table of operations, the page made from it, and the contract itself where it is at hand."""

import os
from pathlib import Path

import pytest
import yaml

from shoal.api.contract import OPERATIONS
from tests.support.docs import DOCS, PAGES

#: a copy of Docker's `docs/api/v1.51.yaml`, which is not ours to carry
CONTRACT = os.environ.get("SHOAL_API_CONTRACT", "")


def test_the_table_equals_the_contract() -> None:
    if not CONTRACT:
        pytest.skip("SHOAL_API_CONTRACT names no copy of Docker's contract, v1.51.yaml")
    paths = yaml.load(Path(CONTRACT).read_text(), Loader=yaml.CSafeLoader)["paths"]
    contract = {
        (method.upper(), path, operation["operationId"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method in ("get", "head", "post", "put", "delete")
    }
    assert {(o.method, o.path, o.operation) for o in OPERATIONS} == contract


def test_the_page_of_the_coverage_is_current() -> None:
    assert (DOCS / "api-coverage.md").read_text() == PAGES["api-coverage.md"](), "run: make docs"
