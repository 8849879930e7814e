"""What is written for people: words, colours, command lines that can be pasted, signals."""
