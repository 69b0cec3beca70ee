"""What knows nothing of GANs: errors, files, pictures, seeds, stopping, and the machine."""
