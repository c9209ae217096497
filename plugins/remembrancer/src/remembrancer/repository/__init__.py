"""The checkout: where its files are, read without being fooled, written without being half-done."""
