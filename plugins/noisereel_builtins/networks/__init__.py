"""The networks of trained denoisers: plain torch modules, usable without noisereel's plugins.

Each is called as ``network(x, u, labels)``: x of shape (n, *event), u = t/T of shape (n,), labels of shape (n,) or
None; it returns shape (n, *event). If all rows have the same time, ``network.at(u, labels)`` returns a faster function
of x alone.
"""
