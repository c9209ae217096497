"""The memory that people ask: decisions and receipts as documents, a search index over them, ranked answers.

The index is a cache in the user's cache folder. It is rebuilt when it is behind, and no verdict ever reads it.
"""
