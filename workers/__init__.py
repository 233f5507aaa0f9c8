"""The background: one module a process.

watcher   watches every cluster, keeps its rows, and decides
worker    carries out what is due (Celery)
beat      every schedule on one page (Celery)
"""
