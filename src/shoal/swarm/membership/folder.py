"""What a node keeps of its membership: `<root>/swarm`, readable by root alone.

state.json   who it is, in which cluster, where the managers are
ca.pem       root CAs that it trusts
keys.json    its private key and certificate and, on a manager, the cluster's data key; sealed while the cluster is
             locked
join.json    what it was told to join, until it has
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shoal.contracts.cluster.control import SwarmJoin
from shoal.errors import DriverError, InternalError
from shoal.model.cluster.node import Role
from shoal.swarm.sealing import AesSeal


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalState:
    """listen: "host:port"    advertise: "host:port" as others reach it    data_path: address, "" = that of `advertise`

    role: that it runs as    store: "sqlite" | "etcd"    managers: ((node id, "host:port"), …) as last heard
    """

    node_id: str
    cluster_id: str
    role: Role
    listen: str
    advertise: str
    data_path: str = ""
    data_port: int = 4789
    store: str = "sqlite"
    managers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Keys:
    """node_key, certificate (with what has to be sent along): PEM    data_key: b"" on a worker"""

    node_key: str
    certificate: str
    data_key: bytes = b""


class Locked(Exception):
    """The keys are sealed with a key that was not given."""


@dataclass(frozen=True, slots=True)
class _Stored:
    is_locked: bool
    keys: bytes


class Folder:
    """The files. Each is written whole or not at all."""

    def __init__(self, path: Path, random_bytes: Callable[[int], bytes]) -> None:
        self.path = path
        self._random_bytes = random_bytes

    def load_state(self) -> LocalState | None:
        """None = in no cluster. Raises: DriverError"""
        text = self._read("state.json")
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=LocalState)
        except msgspec.MsgspecError as error:
            raise DriverError(f'"{self.path / "state.json"}" can\'t be read: {error}') from error

    def save_state(self, state: LocalState) -> None:
        self._write("state.json", msgspec.json.format(msgspec.json.encode(state)))

    def load_trusted(self) -> str:
        """Root CAs (PEM), "" where there are none."""
        return (self._read("ca.pem") or b"").decode()

    def save_trusted(self, certificates: str) -> None:
        self._write("ca.pem", certificates.encode())

    def load_join(self) -> SwarmJoin | None:
        """What was asked and has not come about yet."""
        text = self._read("join.json")
        try:
            return msgspec.json.decode(text, type=SwarmJoin) if text else None
        except msgspec.MsgspecError as error:
            raise DriverError(f'"{self.path / "join.json"}" can\'t be read: {error}') from error

    def save_join(self, join: SwarmJoin | None) -> None:
        """None = there is nothing to be joined."""
        if join is None:
            (self.path / "join.json").unlink(missing_ok=True)
        else:
            self._write("join.json", msgspec.json.encode(join))

    def load_keys(self, unlock_key: bytes = b"") -> Keys:
        """Raises: Locked when they are sealed and `unlock_key` does not open them; DriverError"""
        text = self._read("keys.json")
        try:
            if text is None:
                raise FileNotFoundError("keys.json")
            stored = msgspec.json.decode(text, type=_Stored)
            body = stored.keys
            if stored.is_locked:
                if not unlock_key:
                    raise Locked
                body = AesSeal(unlock_key, self._random_bytes).unseal(body)
            return msgspec.json.decode(body, type=Keys)
        except InternalError as error:
            raise Locked from error
        except (OSError, msgspec.MsgspecError) as error:
            raise DriverError(f'"{self.path / "keys.json"}" can\'t be read: {error}') from error

    def save_keys(self, keys: Keys, unlock_key: bytes = b"") -> None:
        """unlock_key: what they are sealed with, b"" = they are not"""
        body = msgspec.json.encode(keys)
        if unlock_key:
            body = AesSeal(unlock_key, self._random_bytes).seal(body)
        self._write("keys.json", msgspec.json.encode(_Stored(bool(unlock_key), body)))

    def erase(self) -> None:
        """Nothing of the membership is left. The state goes first: what is half erased is in no cluster."""
        (self.path / "state.json").unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def make(self) -> None:
        """The folder is there, empty of any membership before."""
        self.erase()
        self.path.mkdir(mode=0o700, parents=True)

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DriverError(f'"{self.path / name}": {error.strerror}') from error

    def _write(self, name: str, content: bytes) -> None:
        new = self.path / f"{name}.new"
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            new.rename(self.path / name)
            self._sync_folder()
        except OSError as error:
            raise DriverError(f'"{self.path / name}": {error.strerror}') from error

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
