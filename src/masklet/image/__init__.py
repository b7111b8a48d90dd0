"""Segmentation in single images."""
