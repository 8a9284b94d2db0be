"""What is sealed is opened by the same key only, and never when it was changed."""

import os

import pytest

from shoal.errors import InternalError
from shoal.swarm.sealing import KEY_BYTES, AesSeal

KEY = bytes(range(KEY_BYTES))


def test_what_was_sealed_comes_back():
    seal = AesSeal(KEY, os.urandom)
    for value in (b"", b"secret", bytes(500_000)):
        assert seal.unseal(seal.seal(value)) == value


def test_the_value_is_not_in_what_is_sealed_and_never_sealed_twice_the_same():
    seal = AesSeal(KEY, os.urandom)
    first, second = seal.seal(b"password"), seal.seal(b"password")
    assert b"password" not in first
    assert first != second


def test_another_key_or_one_changed_bit_opens_nothing():
    sealed = AesSeal(KEY, os.urandom).seal(b"password")
    with pytest.raises(InternalError, match="not sealed with this cluster's data key"):
        AesSeal(bytes(KEY_BYTES), os.urandom).unseal(sealed)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(InternalError):
            AesSeal(KEY, os.urandom).unseal(bytes(changed))


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01" + bytes(12), b"\x02" + bytes(40)])
def test_junk_is_refused(junk: bytes):
    with pytest.raises(InternalError):
        AesSeal(KEY, os.urandom).unseal(junk)
