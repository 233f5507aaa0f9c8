"""PromQL over the simulated scrapes, with the semantics of Prometheus 2.42.

values       what an expression evaluates to
engine       the walk over a parsed expression
windows      functions of a range of samples
functions    functions of an instant vector
aggregation  sum, topk and their kin
binary       operators and vector matching

Every value holds all evaluation moments at once ([series, moments]), so a range query costs about as much as an
instant one.
"""
