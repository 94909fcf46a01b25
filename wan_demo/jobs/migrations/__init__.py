"""Numbered changes of the job table's schema."""
