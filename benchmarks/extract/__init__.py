"""How well fields are found without a language model, by set and by field, beside plain rules."""
