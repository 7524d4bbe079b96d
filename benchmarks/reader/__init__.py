"""The reader against its peers: accuracy, CPU, time and memory, page by page."""
