"""What is true of time, words and forms at the desk; nothing here can be reached by anybody."""
