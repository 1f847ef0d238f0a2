"""The owner's side of a served classifier: from Python, on a page of one's own, and as scripts in any page."""
