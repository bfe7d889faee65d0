"""What a page shows of each measure: one module a section, named in ``catalog.SECTIONS``."""
