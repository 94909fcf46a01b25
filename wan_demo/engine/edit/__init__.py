"""Edits of a video with a text-to-video model: the samplers, masks, and what follows in pixels.

They need a model's flow and a scheduler, whatever pipeline these come from.
"""
