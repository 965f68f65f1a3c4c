"""The register map of a core, in the forms that other tools read. All addresses count bytes."""
