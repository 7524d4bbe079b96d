"""The OpenAI protocol: schemas, codec and routes."""
