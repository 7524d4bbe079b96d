"""`POST /v1/ocr/image/extract`: a form with an image and a schema in; values and their evidence out."""
