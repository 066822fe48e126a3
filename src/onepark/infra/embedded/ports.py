"""Free ports on loopback.

Owns: finding one.
Never: keeps it; who asked binds it at once.
"""

import socket


def free_port(wanted: int = 0) -> int:
    """Return ``wanted`` or the next port above it that is free; for 0 any free one."""
    for port in range(wanted, wanted + 200) if wanted else (0,):
        with socket.socket() as probe:
            # Connections that ended a minute ago keep no port; a listener does.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError(f"no free port from {wanted} on")
