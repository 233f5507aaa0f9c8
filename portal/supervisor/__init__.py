"""`plimsoll up`: every process of Plimsoll on one machine, under one parent.

broker     the embedded Valkey: its binary, its configuration
child      one child process: own session, dies with its parent, log file
console    what a person sees of the children's logs
home       the state folder: lock, disk space, port
plan       which processes there are, in which order
run        starts, watches, restarts and stops them
prepare    migrations and first administrator, in a process of their own
"""
