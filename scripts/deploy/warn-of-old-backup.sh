#!/usr/bin/env bash
# Warns in the log and the summary of a workflow when the newest proved backup is older than 8 days: a schedule of GitHub may stop without a
# word, and a deployment is when somebody looks. It stops nothing. Needs gh with GH_TOKEN, and GITHUB_REPOSITORY.
set -euo pipefail
days=8
if ! newest=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow backup.yml --status success --limit 1 --json createdAt --jq '.[0].createdAt // empty'); then
  text="Whether there is a backup is not known."
elif [ -z "$newest" ]; then
  text="There is no proved backup."
elif [ "$(date --date "$newest" +%s)" -lt "$(date --date "-$days days" +%s)" ]; then
  text="The newest proved backup is of $newest, more than $days days ago."
else
  echo "The newest proved backup is of $newest."
  exit 0
fi
echo "::warning title=Backup::$text"
echo "$text" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
