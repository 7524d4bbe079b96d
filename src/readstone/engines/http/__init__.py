"""Engines that answer over HTTP: any server that speaks OpenAI's protocol."""
