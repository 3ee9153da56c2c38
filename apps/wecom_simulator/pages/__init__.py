"""More pages of the phones, a subject each; what all of them share is in `phones`."""
