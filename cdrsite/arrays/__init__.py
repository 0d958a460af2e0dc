"""Functions for arrays of one's own: labelled arrays in, labelled arrays out."""
