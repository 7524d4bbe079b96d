"""What the layout of pages is worth: tables cell by cell, and pages that are turned or tilted."""
