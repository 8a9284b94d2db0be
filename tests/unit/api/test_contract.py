"""The table of operations, the page made from it, and the contract itself where it is at hand."""

from pathlib import Path

import pytest
import yaml

from shoal.api.contract import OPERATIONS
from tests.support.docs import DOCS, PAGES

CONTRACT = Path(__file__).parents[4] / "shared" / "contracts" / "docker-engine-api-v1.51.yaml"


def test_the_table_equals_the_contract() -> None:
    if not CONTRACT.exists():
        pytest.skip("the contract of the Docker Engine API is not beside the checkout")
    paths = yaml.load(CONTRACT.read_text(), Loader=yaml.CSafeLoader)["paths"]
    contract = {
        (method.upper(), path, operation["operationId"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method in ("get", "head", "post", "put", "delete")
    }
    assert {(o.method, o.path, o.operation) for o in OPERATIONS} == contract


def test_the_page_of_the_coverage_is_current() -> None:
    assert (DOCS / "api-coverage.md").read_text() == PAGES["api-coverage.md"](), "run: make docs"
