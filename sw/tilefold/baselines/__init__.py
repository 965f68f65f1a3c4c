"""Baselines: lossless coders of the literature, for a comparison on the same maps.

They guarantee nothing: what they store depends on the data, so a worst image stands beside a mean.
"""
