import pytest

from shoal.errors import InvalidArgument
from shoal.oci.users import find_user

PASSWD = "root:x:0:0:root:/root:/bin/sh\n# comment\nwww:x:33:34:www:/srv:/bin/false\nbroken\nnohome:x:50:50\n"
GROUP = "root:x:0:\nwww:x:34:\nadm:x:4:www,other\nvideo:x:44:\n"


@pytest.mark.parametrize(
    ("user", "uid", "gid", "more", "home"),
    [
        ("", 0, 0, (0,), "/root"),
        ("www", 33, 34, (34, 4), "/srv"),
        ("33", 33, 34, (34, 4), "/srv"),
        ("www:video", 33, 44, (44,), "/srv"),
        ("1000", 1000, 0, (0,), "/"),
        ("1000:1001", 1000, 1001, (1001,), "/"),
        ("nohome", 50, 50, (50,), "/"),
    ],
)
def test_who(user: str, uid: int, gid: int, more: tuple[int, ...], home: str) -> None:
    found = find_user(user, PASSWD, GROUP)
    assert (found.uid, found.gid, found.additional_gids, found.home) == (uid, gid, more, home)


def test_group_add_takes_names_and_numbers() -> None:
    assert find_user("www", PASSWD, GROUP, ("video", "7", "www")).additional_gids == (34, 4, 44, 7)


def test_an_image_without_files() -> None:
    assert find_user("0:0", "", "").uid == 0


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("ghost", "unable to find user ghost: no matching entries in passwd file"),
        ("www:ghosts", "unable to find group ghosts: no matching entries in group file"),
    ],
)
def test_unknown_ones_in_dockers_words(user: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        find_user(user, PASSWD, GROUP)
