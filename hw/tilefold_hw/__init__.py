"""The data sheet, as code: every number that two sides must agree on."""
