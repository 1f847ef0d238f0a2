"""A page of one's own: the client of a served classifier, whose scripts do not come from the server.

Two ways: :class:`~hf_etc.client.own_page.server.OwnPage` serves the page on the owner's machine and passes
ciphertexts on; :func:`~hf_etc.client.own_page.single_file.build` makes one HTML file that needs no
Python. Everything that either of them shows or runs stands in this folder and in ``hf_etc/client/web``.
"""
