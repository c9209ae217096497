"""Transparency logs by the book (RFC 6962, C2SP): trees, tiles, notes, proofs, quorums. Pure functions over bytes."""
