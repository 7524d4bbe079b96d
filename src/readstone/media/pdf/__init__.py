"""PDFs become pages: drawn one at a time, with the text their authors put in; runs in the worker."""
