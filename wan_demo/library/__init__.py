"""What was made and what becomes of it: found, deleted, kept within the disk's budget."""
