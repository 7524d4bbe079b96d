"""What printed text can say: amounts, dates, identifiers, contacts, measures, each with where it stands."""
