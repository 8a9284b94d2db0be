"""`shoal swarm update` and `ca`."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.cli.swarm.flags import SPEC_FLAGS, merge_spec
from shoal.cli.swarm.tokens import print_unlock_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_POLL_S = 0.2
_NEED_ROTATE = ("cert-expiry", "external-ca", "ca-cert", "ca-key")


def _update(context: Context, options: Options, arguments: list[str]) -> int:
    if not any(options.is_given(flag.name) for flag in UPDATE.flags):
        from shoal.cli.help import command_help

        context.print(command_help("swarm update", UPDATE, path=context.path))
        return 0
    swarm = context.api.swarm
    cluster = swarm.inspect()
    was_locked = (cluster["Spec"].get("EncryptionConfig") or {}).get("AutoLockManagers")
    swarm.update(cluster["Version"]["Index"], merge_spec(cluster["Spec"], options))
    context.print("Swarm updated.")
    if options.flag("autolock") and not was_locked:
        print_unlock_key(context, swarm.unlock_key())
    return 0


def _ca(context: Context, options: Options, arguments: list[str]) -> int:
    swarm = context.api.swarm
    cluster = swarm.inspect()
    if not options.flag("rotate"):
        for name in _NEED_ROTATE:
            if options.is_given(name):
                raise PlainError(f"`--{name}` flag requires the `--rotate` flag to update the CA")
        _print_root(context, cluster)
        return 0
    if options.is_given("ca-cert") or options.is_given("ca-key"):
        raise PlainError("Error: --ca-cert and --ca-key are not supported: the managers make the CA themselves")
    spec = merge_spec(cluster["Spec"], options)
    section = dict(spec.get("CAConfig") or {})
    section["ForceRotate"] = int(section.get("ForceRotate") or 0) + 1
    swarm.update(cluster["Version"]["Index"], {**spec, "CAConfig": section})
    if options.flag("detach"):
        return 0
    _wait_for_rotation(context, _root(cluster), is_quiet=options.flag("quiet"))
    _print_root(context, swarm.inspect())
    return 0


def _root(cluster: Any) -> str:
    return str((cluster.get("TLSInfo") or {}).get("TrustRoot") or "").strip()


def _print_root(context: Context, cluster: Any) -> None:
    root = _root(cluster)
    if not root:
        raise PlainError("No CA information available")
    context.print(root)


def _wait_for_rotation(context: Context, before: str, *, is_quiet: bool) -> None:
    """Until there is another root than before, and every node has a certificate of it; progress on standard error."""
    told = ""
    try:
        while True:
            cluster = context.api.swarm.inspect()
            root = _root(cluster)
            if root != before and not cluster.get("RootRotationInProgress"):
                return
            nodes = context.api.nodes.list()
            trusting = sum(root != before and _root(node.get("Description") or {}) == root for node in nodes)
            text = f"rotated CA certificates: {trusting}/{len(nodes)} nodes"
            if text != told and not is_quiet:
                context.warn(text)
                told = text
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        context.warn("Operation continuing in background.")


UPDATE = Command(
    "[OPTIONS]",
    _update,
    (*SPEC_FLAGS, switch("autolock", "", "Change manager autolocking setting (true|false)")),
    arguments=(0, 0),
)
CA = Command(
    "[OPTIONS]",
    _ca,
    (
        Flag("ca-cert", "", "Root CA certificate to use (not supported: refused)", metavar="pem-file"),
        Flag("ca-key", "", "Root CA key to use (not supported: refused)", metavar="pem-file"),
        Flag("cert-expiry", "", "Validity period for node certificates (default 2160h0m0s)", kind="duration"),
        switch("detach", "d", "Exit immediately instead of waiting for the root rotation to converge"),
        several("external-ca", "", "Certificate signing endpoints (not supported: refused)", metavar="external-ca"),
        switch("quiet", "q", "Suppress progress output"),
        switch("rotate", "", "Rotate the swarm CA - without certificate and key, new ones are generated"),
    ),
    arguments=(0, 0),
)
