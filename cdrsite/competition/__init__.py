"""Who gets the shared land, water, power, biomass and pore space: the proven optimum, with prices.

The whole competition is one linear programme. :mod:`~cdrsite.competition.prices` solves it at
raster scale by column generation, :mod:`~cdrsite.testing.exact` in one piece for small cases.
"""
