"""Training: material, the loop, both networks, export. The only package that needs torch."""
