"""Exporters: a task's answer contract in the formats of other engines, one a module."""
