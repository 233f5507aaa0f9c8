"""URLs of clusters and workloads."""

from __future__ import annotations

from django.urls import path

from apps.fleet import connecting, views

app_name = "fleet"
urlpatterns = [
    path("clusters/", views.Clusters.as_view(), name="clusters"),
    path("clusters/connect/", connecting.connect, name="connect"),
    path("clusters/<uuid:pk>/", views.cluster, name="cluster"),
    path("clusters/<uuid:pk>/test/", views.cluster_test, name="cluster-test"),
    path("clusters/<uuid:pk>/remove/", views.cluster_remove, name="cluster-remove"),
    path("workloads/", views.Workloads.as_view(), name="workloads"),
    path("workloads/<uuid:pk>/", views.workload, name="workload"),
    path("workloads/<uuid:pk>/yaml/", views.workload_yaml, name="workload-yaml"),
]
