"""The nouns of the house: what is asked, what is played, what happened."""
