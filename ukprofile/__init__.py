"""The UK flexibility profile on OpenADR 3.1: pure values and rules, and the typed client."""
