"""netd: the small process that holds names and ports while engines come and go.

It answers the questions of containers to 127.0.0.11, keeps the host's published ports taken, and passes on what the
kernel can't translate (::1 and other IPv6 clients of containers with an IPv4 address only). Engines talk to it through
one UNIX socket (`protocol`); it starts with the first engine, is adopted by the next one, and ends when no engine is
connected and nothing is left to hold. It imports as little as it can.
"""
