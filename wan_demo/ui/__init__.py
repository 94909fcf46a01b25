"""The page: Gradio's components over the service. Only this package imports gradio."""
