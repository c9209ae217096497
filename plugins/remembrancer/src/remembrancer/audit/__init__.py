"""Finding the evidence in a repository, and judging it. Writes nothing into the repository."""
