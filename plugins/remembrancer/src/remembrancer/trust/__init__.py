"""Who counts, for what and until when: from a fingerprint given outside to a policy that holds. Pure."""
