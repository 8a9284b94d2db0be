"""The key that a node makes for itself, by the program that an engine starts for it."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shoal.daemon.swarm import KEY_PROGRAM
from shoal.drivers.cluster.node_keys import KeyProgram
from shoal.errors import DriverError


async def test_each_key_is_new_and_its_request_is_for_it():
    first, second = [await KeyProgram(KEY_PROGRAM)() for _ in range(2)]
    assert first.key != second.key
    request = x509.load_pem_x509_csr(first.request.encode())
    public = request.public_key()
    assert request.is_signature_valid and public == load_pem_private_key(first.key.encode(), None).public_key()
    assert isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1)


async def test_the_program_loads_nothing_of_the_folder_that_the_engine_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "cryptography.py").write_text("raise SystemExit('a module of the folder')")
    monkeypatch.chdir(tmp_path)
    assert (await KeyProgram(KEY_PROGRAM)()).key.startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([sys.executable, "-c", "raise SystemExit('no entropy')"], "exit 1: no entropy"),
        ([sys.executable, "-c", "print('-----BEGIN PRIVATE KEY-----')"], "exit 0"),
        (["/nonexistent/python"], "No such file"),
    ],
)
async def test_a_program_that_fails_is_told(argv: Sequence[str], why: str):
    with pytest.raises(DriverError, match=f"a key for this node can't be made: .*{why}"):
        await KeyProgram(argv)()
