"""Drawing: colours, overlays, contact sheets and the sample picture."""
