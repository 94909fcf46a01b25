"""The HTTP side: the application, its health, its files and who is asking."""
