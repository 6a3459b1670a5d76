"""What comes over a stream of a server, as bytes: HTTP/1 bodies, lines, what each line of a dialect says.

The standard library alone: the rig reads with it as it streams, and the program of one's own is read along with it.
"""
