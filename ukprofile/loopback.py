"""Which hosts are this very machine: where a secret may travel in clear."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether only this machine answers at `host`: localhost, 127.0.0.0/8, ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
