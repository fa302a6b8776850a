"""One pane per noun; each is mounted when it is first visited."""
