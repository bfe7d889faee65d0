"""What a table section can draw besides tables: each piece is a frozen value with a text form, markup and an encoding."""
