"""The Dockerfile carried out without Docker: each instruction in a chroot, then the container."""
