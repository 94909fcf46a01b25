"""Wan models through diffusers: load, configure, call. The only package that imports it."""
