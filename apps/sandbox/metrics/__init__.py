"""What a Prometheus would know about the simulated fleet: targets, series, PromQL, exporters as text.

targets    what is scraped, when it was down, when it restarted
families   every metric's series and their values as functions of time; no sample is ever stored
registry   the families of one cluster, and selecting among them
samples    what the scrapes would have kept: the latest sample, or a window of them
promql     evaluation of parsed expressions
api        the query API and the text endpoints over HTTP
"""
