"""A page in the browser for `dada explain`: the work of `dada serve`.

guard     which requests are answered at all
uploads   a file of a request, as a temporary file of a random name
answerer  loaded systems, which answer on a file
jobs      one answer at a time, and a queue
app       the addresses of the server
server    the server
"""
