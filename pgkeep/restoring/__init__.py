"""The restore and its undoing, from what is asked for to the applications that run again."""
