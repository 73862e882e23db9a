"""A round of dispatching under kills: who takes part, who orders, who kills, and the judge.

business logic ──▶ faults ──┐
agents ──▶ faults ──────────┴─▶ recorder ──▶ VTN        one business clock, much faster than life
   │                               │          │
devices' logs, journals        http.jsonl   vtn.db ──▶ judge (tests.soak.ledger)
"""
