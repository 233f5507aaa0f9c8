"""What the fleet does, in one place for those above: every function is keyword-only and raises kernel.errors.

add_cluster, update_connection, remove_cluster   clusters.py
manifests                                        joining.py
test_cluster                                     trial.py
connect, metrics                                 connections.py
observe, sync_rows                               observing.py
mark_unwatched                                   health.py
"""

from __future__ import annotations

from apps.fleet.cache import ClusterCache as ClusterCache
from apps.fleet.clusters import add_cluster as add_cluster
from apps.fleet.clusters import remove_cluster as remove_cluster
from apps.fleet.clusters import update_connection as update_connection
from apps.fleet.connections import connect as connect
from apps.fleet.connections import metrics as metrics
from apps.fleet.health import mark_unwatched as mark_unwatched
from apps.fleet.joining import manifests as manifests
from apps.fleet.observing import observe as observe
from apps.fleet.observing import sync_rows as sync_rows
from apps.fleet.reports import AddReport as AddReport
from apps.fleet.reports import ConnectionReport as ConnectionReport
from apps.fleet.reports import MissingVerb as MissingVerb
from apps.fleet.reports import NewCluster as NewCluster
from apps.fleet.reports import Progress as Progress
from apps.fleet.trial import test_cluster as test_cluster
