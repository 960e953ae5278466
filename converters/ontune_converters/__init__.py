"""Converters: one source format a file, all to the same ShareGPT samples."""
