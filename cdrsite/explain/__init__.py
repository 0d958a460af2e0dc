"""Why a cell is used or not, computed once for arrays; a place is one cell of them."""
