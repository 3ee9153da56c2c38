"""`/sim/…`: play people, make things go wrong, see what is true."""
