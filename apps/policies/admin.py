"""Policies in Django's admin console: read only, for the objects in the clusters are the only truth."""

from __future__ import annotations

from django.contrib import admin

from apps.identity.console import ONLY_VISIBLE, ReadOnlyAdmin
from apps.policies.models import Notice, Policy, WorkloadMemory


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "namespace", "cluster", "mode", "ready", "matched", "asleep", "refused", "origin")
    list_filter = (("cluster", ONLY_VISIBLE), "mode", "ready", "suspended", "origin")
    list_select_related = ("cluster",)
    search_fields = ("name", "namespace")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "namespace", "cluster", "reason_code", "policy", "created_at", "over")
    list_filter = (("cluster", ONLY_VISIBLE), "over", "reason_code")
    list_select_related = ("cluster",)
    search_fields = ("name", "namespace")


@admin.register(WorkloadMemory)
class WorkloadMemoryAdmin(ReadOnlyAdmin):
    list_display = ("key", "cluster", "updated_at")
    list_filter = (("cluster", ONLY_VISIBLE),)
    list_select_related = ("cluster",)
    search_fields = ("key", "uid")
