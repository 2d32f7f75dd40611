"""tlstudio: a desktop studio for transfer learning on pictures."""

__version__ = "0.1.0"
