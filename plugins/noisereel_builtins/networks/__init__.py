"""The networks that the learned denoisers train: plain torch modules, usable without noisereel's plugins.

Each is called as ``network(x, u, labels)``: x of shape (n, *event), u = t/T of shape (n,), labels of shape (n,) or
None; it gives (n, *event). Where all rows share one time, ``network.at(u, labels)`` is a faster function of x alone.
"""
