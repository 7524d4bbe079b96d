"""Bytes become images: what arrived is checked, limited and decoded here."""
