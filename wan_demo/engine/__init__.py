"""What turns a request into frames, and where it runs."""
