"""What a receipt is: one event, one canonical encoding. Pure."""
