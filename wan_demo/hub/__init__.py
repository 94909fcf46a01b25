"""Checkpoints from the Hugging Face hub: found in its cache, or fetched there, resumably."""
