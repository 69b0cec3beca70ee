"""The pages in the browser: what is read, as NiceGUI elements."""
