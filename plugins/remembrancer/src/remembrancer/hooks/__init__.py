"""What is checked before a commit: receipts, ledger and decisions in Git's index, the message, unfinished merges.

The checks read what is about to be committed and nothing else: the index and HEAD, never the network, and only what
changed, so that their cost does not grow with the ledger.
"""
