"""The class of the network, under its official place."""
