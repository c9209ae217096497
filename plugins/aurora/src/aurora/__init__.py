"""Aurora: others have seen this log. Witnesses, mirrors and logs of logs, over the ledgers of the Remembrancer."""

__version__ = "4.1.0"
