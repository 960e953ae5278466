"""Decoding: which tokens an answer may be written in. Only `processor` imports torch."""

from ontune.decoding.mask import TokenMask

__all__ = ["TokenMask"]
