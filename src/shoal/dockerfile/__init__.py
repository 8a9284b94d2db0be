"""PURE: text -> AST -> instructions -> graph of vertices with digests."""
