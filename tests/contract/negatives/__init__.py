"""The refusals of `negatives.csv`, as inputs: one module for each area of the table.

rows     the table itself
wire     requests as bytes, sent over a socket of our own; answers
scene    a VTN with the contract, D1 and a rival in it; an agent that holds the same
signed   messages, faultless and otherwise
oauth, json_http, time_units, objects     WHEN: row id to requests; GIVEN: row id to what is so
"""
