"""Everything that writes receipts about releases and trust, and seals them."""
