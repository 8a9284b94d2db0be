"""One cluster of one node for all tests of a module."""

import os
from collections.abc import Iterator

import pytest

from tests.support.swarm import OneNode, one_node


@pytest.fixture(scope="module")
def module_node() -> Iterator[OneNode]:
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    with one_node() as node:
        yield node


@pytest.fixture
def node(module_node: OneNode) -> Iterator[OneNode]:
    """The module's node; what a test made is removed after it."""
    yield module_node
    module_node.clear()
