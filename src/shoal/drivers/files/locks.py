"""Locks that the kernel lets go of when their holder ends, however that is."""

import fcntl


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether the lock is ours now; False where somebody else has it. kind: or LOCK_SH. Source: flock(2)"""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
