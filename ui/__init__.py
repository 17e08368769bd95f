"""The page that shows a library: Gradio components, their handlers, their script and style."""
