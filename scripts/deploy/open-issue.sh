#!/usr/bin/env bash
# Tells people: opens an issue with this title, or adds to the one that is open. open-issue.sh TITLE TEXT
# Needs gh with GH_TOKEN, and GITHUB_REPOSITORY.
set -euo pipefail
title=${1:?the title of the issue}
text=${2:?what is wrong}
number=$(gh issue list --repo "$GITHUB_REPOSITORY" --state open --limit 200 --json number,title \
  --jq "[.[] | select(.title == $(jq --null-input --arg title "$title" '$title'))][0].number // empty")
if [ -n "$number" ]; then
  gh issue comment "$number" --repo "$GITHUB_REPOSITORY" --body "$text"
else
  gh issue create --repo "$GITHUB_REPOSITORY" --title "$title" --body "$text"
fi
