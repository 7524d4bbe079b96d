"""PDFs by resolution and by text layer: accuracy and CPU, document by document."""
