"""Pictures and videos: where they lie, how they are read, fitted and written."""
