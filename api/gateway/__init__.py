"""`sogoc gateway`: the EPCIS capture interface on the producer's own machine, where the producer's key is.

What comes in is read strictly, stripped of what is nobody else's business, made durable, acknowledged, signed, and handed to a
node; what was taken is never lost and never recorded twice.
"""
