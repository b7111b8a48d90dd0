"""Measuring masks by the field's protocols, ours and anybody's."""
