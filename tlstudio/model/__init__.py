"""Backbones, heads and freeze plans as Keras models."""
