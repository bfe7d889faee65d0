"""What an experiment yields and is sent: one module for each kind of request, with its response."""
