"""The ground: no business nouns live here."""
