"""What all sheets for download share."""


def cell(text: str) -> str:
    """A name that a spreadsheet would take for a formula stays a name."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
