"""What users import lives here."""
