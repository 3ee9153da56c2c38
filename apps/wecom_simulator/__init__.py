"""A small WeCom that stands beside the house: same calls, same callbacks, same limits, and phones to look at."""
