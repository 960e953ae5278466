"""Decoding: which tokens an answer may be written in (no torch needed), and how a model writes them in few passes."""

from ontune.decoding.mask import TokenMask

__all__ = ["TokenMask"]
