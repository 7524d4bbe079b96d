"""A self-hosted server that reads: OCR, vision, chat and extraction behind one OpenAI-compatible API."""

__version__ = "0.1.0"
