"""What a user asks for, understood from the words: shared by the reader and by the prompts of OCR models."""
