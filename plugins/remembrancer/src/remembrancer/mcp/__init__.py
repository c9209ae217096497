"""What assistants ask over the Model Context Protocol: the ledger's answers, read-only, with their verdicts.

Every answer has two parts that are never mixed. `verdict` is ours: words of this program's own tables, numbers, digests
and times. `quoted` is what others wrote (decisions, receipts, file names, messages), cleaned of characters that could
hide or steer, capped, and to be treated as data. What is not sealed is never called verified. Nothing here writes or
fetches: sessions remember nothing, the search index lives in memory, and no tool takes an address.

The packages of the extra `mcp` are imported by `remembrancer.mcp.server` and `remembrancer.mcp.http` alone.
"""
