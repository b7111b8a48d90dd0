"""The network: modules and the frozen records that pass between them. No files, no policy."""
