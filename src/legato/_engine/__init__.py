"""Decides what happens next; performs nothing."""
