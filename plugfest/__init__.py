"""Proving products against the profile: so far, the network that misbehaves."""
