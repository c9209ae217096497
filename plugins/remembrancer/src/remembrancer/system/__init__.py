"""Files, digests and Git, asked so that nobody else decides what is read or left half-written."""
