"""The page of measured figures: what is measured for it, and how it is written."""
