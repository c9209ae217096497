"""Decisions: their form, where they stand, and the receipts that bind them."""
