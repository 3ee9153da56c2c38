"""A small WeCom beside the house: same calls, callbacks and limits, and phones to look at."""
