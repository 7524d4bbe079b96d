"""The desk: `readstone read` and `readstone extract`, files in and text or values out, without a server."""
