"""The path of a request: route, admit, run, meter."""
