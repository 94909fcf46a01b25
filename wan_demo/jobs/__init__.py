"""The job table: the only truth about what was accepted and how it ended."""
