"""Where change records keep what: the names that deploy tools, hosts of code and flag services use.

Sources: GitHub REST API (deployments, deployment statuses, commits; the push and deployment
webhooks), GitLab REST API (deployments, commits), LaunchDarkly audit log, and the plain records
that in-house tools write. A name with dots is tried as one key and as a path of keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVELOPES = (
    "deploys",
    "deployments",
    "releases",
    "commits",
    "flags",
    "feature_flags",
    "changes",
    "config_changes",
    "events",
    "items",
    "value",
    "results",
    "data",
)
"""Keys whose list holds the records, where an object is around them."""

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "time": (
        "started_at",
        "startedAt",
        "deployable.started_at",
        "deployed_at",
        "deployedAt",
        "timestamp",
        "time",
        "ts",
        "commit.committer.date",
        "committed_date",
        "created_at",
        "createdAt",
        "deployment.created_at",
        "authored_date",
        "commit.author.date",
        "date",
        "start",
        "start_time",
        "finished_at",
        "finishedAt",
        "updated_at",
    ),
    "end": (
        "finished_at",
        "finishedAt",
        "deployable.finished_at",
        "completed_at",
        "completedAt",
        "ended_at",
        "end",
        "end_time",
    ),
    "type": ("kind", "type", "change_type", "event_type", "action"),
    "service": (
        "service.name",
        "service",
        "service_name",
        "serviceName",
        "app",
        "application",
        "component",
    ),
    "revision": (
        "sha",
        "commit_sha",
        "commitSha",
        "revision",
        "git_sha",
        "deployment.sha",
        "commit.id",
        "commit.sha",
        "commit",
        "hash",
        "vcs.ref.head.revision",
    ),
    "id": ("id", "deployment_id", "deployment.id", "_id", "uuid"),
    "ref": ("ref", "branch", "deployment.ref", "vcs.ref.head.name"),
    "repository": (
        "repository.full_name",
        "repository.name",
        "repository",
        "repo",
        "project.path_with_namespace",
        "project",
        "repository_url",
    ),
    "version": ("version", "release", "tag", "tag_name", "image_tag", "image", "service.version"),
    "previous_version": ("previous_version", "previousVersion", "from_version", "rollback_from"),
    "actor": (
        "actor.login",
        "actor.email",
        "actor",
        "deployed_by",
        "deployedBy",
        "author.login",
        "author.email",
        "author.name",
        "author",
        "commit.author.email",
        "author_email",
        "author_name",
        "creator.login",
        "deployment.creator.login",
        "user.username",
        "user",
        "member.email",
        "changed_by",
        "triggered_by",
    ),
    "message": (
        "message",
        "commit.message",
        "deployable.commit.message",
        "description",
        "deployment.description",
        "title",
        "summary",
        "reason",
        "comment",
        "notes",
    ),
    "environment": (
        "environment.name",
        "environment",
        "deployment.environment",
        "deployment.environment.name",
        "env",
        "stage",
    ),
    "status": ("status", "state", "deployment_status.state", "result", "outcome", "conclusion"),
    "region": ("region", "cloud.region"),
    "url": ("html_url", "web_url", "deployable.web_url", "log_url", "link"),
    "files": ("files", "files_changed", "changed_files", "filesChanged", "diffs", "paths"),
    "added": ("added",),
    "modified": ("modified",),
    "removed": ("removed",),
    "diff": ("diff", "patch"),
    "parents": ("parents", "parent_ids", "parent"),
    "flag": ("flag.key", "flag", "flag_key", "flagKey", "feature_flag", "featureFlag", "toggle"),
    "config": (
        "config_key",
        "config.key",
        "configKey",
        "parameter",
        "setting",
        "config",
    ),
    "name": ("key", "name"),
    "old": ("old", "from", "previous", "old_value", "oldValue", "previous_value", "before"),
    "new": ("new", "to", "new_value", "newValue", "after", "value", "enabled", "state"),
    "change": ("change", "transition"),
}
"""What we look for -> where it is looked for, the first that is there counting."""

TYPES: Mapping[str, str] = {
    **dict.fromkeys(("deploy", "deployment", "deployment_status", "release"), "deploy"),
    **dict.fromkeys(("rollout", "rollback", "promote"), "deploy"),
    **dict.fromkeys(("commit", "push", "merge", "revert"), "commit"),
    **dict.fromkeys(("flag", "feature_flag", "feature-flag", "toggle"), "feature_flag"),
    **dict.fromkeys(
        ("config", "config_change", "configuration", "parameter", "setting"), "config_change"
    ),
    **dict.fromkeys(("scaling", "scale"), "scaling"),
}
"""What a record's own word for its type means."""

CATEGORIES: Mapping[str, str] = {
    "deploy": "code_change",
    "commit": "code_change",
    "feature_flag": "feature_flag",
    "config_change": "config_change",
    "scaling": "scaling",
}
"""The category of a change of a kind."""
