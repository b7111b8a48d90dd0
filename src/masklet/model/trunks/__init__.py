"""Image trunks: pictures in, four maps of features out."""
