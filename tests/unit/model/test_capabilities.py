import pytest

from shoal.errors import InvalidArgument
from shoal.model.capabilities import ALL_CAPABILITIES, DEFAULT_CAPABILITIES, granted_capabilities


def test_defaults_are_dockers_fourteen() -> None:
    assert set(granted_capabilities((), (), privileged=False)) == set(DEFAULT_CAPABILITIES)
    assert len(DEFAULT_CAPABILITIES) == 14


def test_add_and_drop_take_short_names() -> None:
    granted = granted_capabilities(("net_admin",), ("CAP_CHOWN", "mknod"), privileged=False)
    assert "CAP_NET_ADMIN" in granted
    assert not {"CAP_CHOWN", "CAP_MKNOD"} & set(granted)


def test_drop_all_leaves_what_is_added() -> None:
    assert granted_capabilities(("CHOWN",), ("ALL",), privileged=False) == ("CAP_CHOWN",)


def test_add_all_without_some() -> None:
    assert set(ALL_CAPABILITIES) - set(granted_capabilities(("ALL",), ("SYS_ADMIN",), privileged=False)) == {
        "CAP_SYS_ADMIN"
    }


def test_privileged_has_all() -> None:
    assert granted_capabilities((), ("ALL",), privileged=True) == ALL_CAPABILITIES


def test_unknown_is_refused_in_dockers_words() -> None:
    with pytest.raises(InvalidArgument, match='invalid CapAdd: unknown capability: "CAP_FLY"'):
        granted_capabilities(("fly",), (), privileged=False)
