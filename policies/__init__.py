"""Policy as code: rules that every stack is judged by."""
