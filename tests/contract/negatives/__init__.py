"""The refusals of `negatives.csv`, as inputs: one module for each area of the table.

rows     the table itself
wire     requests as bytes, sent over a socket of our own; answers
scene    a VTN with the contract, D1 and a rival in it; an agent that holds the same
signed   messages, faultless and otherwise
lies     a VTN that lies to an agent that polls
restarts an agent that ends, or is killed, and starts again
passing  an agent to which no message comes: events vanish, the VTN is silent, a start passes
peers    servers and clients that TLS must not trust

signature, order, authority, oauth, json_http, time_units, objects, state, keys:
         WHEN: row id to requests; GIVEN: row id to what is so before; some say in MORE what else
         a row demands, in ENDS when dispatches end after it, in AS_GOOD which code is as good
"""
