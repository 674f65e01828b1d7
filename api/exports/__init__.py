"""A thing's story in the forms that others ask for: tables, passports, pictures, EPCIS documents, an inspector's report.

Rules: every form is a function of a trace (`ledger.origin.graph.Exploration`), so what was verified is what is written; the
same trace gives the same bytes. Names of members come from whoever calls, as no history proves them.
"""
