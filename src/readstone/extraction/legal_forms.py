"""Legal forms: what shows that a text names a firm."""

import re
from typing import Final

LEGAL_FORM: Final = re.compile(
    r"\b(sdn\.? ?bhd\.?|s/b|bhd|ltd\.?|limited|llc|llp|inc\.?|corp\.?|company|gmbh|mbh|ag|kg|ohg|e\.? ?k\.?|e\.? ?v\.?|a\. ?g\.|sarl|s\.a\.r\.l\.?|"
    r"sas|s\.a\.|sa|s\.?p\.?a\.?|s\.?r\.?l\.?|b\.?v\.?|n\.?v\.?|s\.l\.(?:u\.)?|slu?|lda\.?|ltda\.?|a/s|aps|oy|plc|pte|group|co\.)(?![\w])|有限公司|公司|株式会社",
    re.IGNORECASE,
)
"""GmbH, Ltd, Sdn Bhd and their like."""


def is_form(text: str) -> bool:
    """Whether a text says the legal form of a firm."""
    return LEGAL_FORM.search(text) is not None
