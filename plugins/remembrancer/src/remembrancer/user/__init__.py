"""What lies in this user's home, outside every repository: pins, what was seen, private keys."""
