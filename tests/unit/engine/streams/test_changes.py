from shoal.engine.streams.archives import without_ours
from shoal.model.change import Change, ChangeKind

C, A, D = ChangeKind.MODIFIED, ChangeKind.ADDED, ChangeKind.DELETED


def test_what_every_start_makes_is_not_a_change():
    changes = [
        Change("/dev", C),
        Change("/dev/console", A),
        Change("/etc", C),
        Change("/etc/hosts", A),
        Change("/proc", A),
        Change("/tmp", C),
        Change("/tmp/x", A),
    ]
    assert without_ours(changes) == [Change("/tmp", C), Change("/tmp/x", A)]


def test_a_folder_with_other_changes_stays():
    changes = [Change("/etc", C), Change("/etc/hosts", A), Change("/etc/passwd", D)]
    assert without_ours(changes) == [Change("/etc", C), Change("/etc/passwd", D)]
    assert without_ours([Change("/etc", C)]) == [Change("/etc", C)]
