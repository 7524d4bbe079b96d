"""What a model's tokens and pages cost."""

from dataclasses import dataclass

from readstone.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in the ledger's currency: of a million tokens, and of a thousand pages.

    Image tokens and cached tokens cost what prompt tokens do where they have no price of their own.
    """

    prompt: float = 0.0
    completion: float = 0.0
    image: float | None = None
    cached: float | None = None
    pages: float = 0.0

    def cost(self, usage: Usage) -> int:
        """What a usage costs, in millionths of the currency, rounded to the nearest."""
        image = self.prompt if self.image is None else self.image
        cached = self.prompt if self.cached is None else self.cached
        plain = max(usage.prompt_tokens - usage.image_tokens - usage.cached_tokens, 0)
        # The price of a million tokens is that of one token in millionths.
        return round(
            plain * self.prompt
            + usage.image_tokens * image
            + usage.cached_tokens * cached
            + usage.completion_tokens * self.completion
            + usage.pages * self.pages * 1000
        )


FREE = Prices()
"""Of a model without prices."""
