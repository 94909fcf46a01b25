"""Trains the bundled model, `assets/wan-tiny`, on videos that it draws itself."""
