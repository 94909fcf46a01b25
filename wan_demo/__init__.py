"""Wan Demo: videos from text, from an image or from a video, with the Wan models."""

__version__ = "0.1.0"
