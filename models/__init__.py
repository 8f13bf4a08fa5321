"""The shared words of the product: frozen models without I/O.

Everything that crosses a boundary (an activity's request, a signal, an update, a
configuration key) is one of these. `workflows`, `activities`, `intake` and `console`
import from here and never from one another's insides.
"""
