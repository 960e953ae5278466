"""Ontology-constrained evaluation, decoding and data for fine-tuning Qwen-VL with LLaMA-Factory and ms-swift."""

__all__ = ["__version__"]
__version__ = "0.1.0"
