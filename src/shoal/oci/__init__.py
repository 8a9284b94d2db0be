"""PURE: references, digests, manifests, whiteouts, runtime-spec generation."""
