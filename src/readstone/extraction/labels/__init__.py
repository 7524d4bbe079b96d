"""What fields are called, in eight languages, and what they are: concepts with the sorts of value that say them."""

from readstone.extraction.labels.concept import Concept, ValueSort
from readstone.extraction.labels.understanding import concept, printed, understand

__all__ = ["Concept", "ValueSort", "concept", "printed", "understand"]
