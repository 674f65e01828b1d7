"""The EPCIS 2.0 query interface: its parameters, the search, and the documents it answers with."""
