"""What builds the documentation beside mkdocs itself.

links       links of a Markdown page, as the forge and the site read them
hooks       mkdocs' hooks: pages from outside docs/, and links out of it
imports     which part of eca_mm imports which, read from the sources
picture     the picture of that, docs/architecture.svg
examples    the examples in pages, for the tests that run them
"""
