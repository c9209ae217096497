"""Evidence and a policy in, findings out. Pure: it knows no repository."""
