"""Networks of the user's own: a function of whole numbers that returns a torch module.

`names` reads and writes their names without importing anything; `functions` finds the function and
tells what goes wrong in it; `network` is the value that the rest of the house takes.
"""
