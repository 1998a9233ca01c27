#!/usr/bin/env bash
# Writes an encrypted archive of the database into a folder. fetch-archive.sh FOLDER
#
# The archive is made and encrypted on a machine of the app, and comes through `fly ssh`: neither the password of the database nor what
# is in it is ever here, and a token that may enter this one app is enough (a tunnel to the database would need one for the organisation).
# Needs flyctl with FLY_API_TOKEN; APP, URL (to wake the app) and RECIPIENTS (age1…, separated by commas or spaces).
set -euo pipefail
umask 077
folder=${1:?the folder to write to}
: "${APP:?the name of the app}" "${URL:?where it answers}" "${RECIPIENTS:?the age recipients, separated by commas}"
read -r -d '' -a recipients <<< "${RECIPIENTS//,/ }" || true
if [ "${#recipients[@]}" = 0 ]; then echo "RECIPIENTS names nobody" >&2; exit 2; fi
for recipient in "${recipients[@]}"; do
  case "$recipient" in
    *[!a-z0-9]*) echo "$recipient is not an age recipient" >&2; exit 2 ;;
    age1*) ;;
    # Encrypted to nobody, or with the secret key on a command line, is worse than no backup.
    *) echo "not an age recipient (age1…): see RECIPIENTS" >&2; exit 2 ;;
  esac
done

# `fly ssh` enters running machines only.
curl --silent --show-error --fail --output /dev/null --retry 12 --retry-all-errors --retry-delay "${RETRY_DELAY:-5}" "$URL/health/ready"

mkdir -p "$folder"
file="$folder/catatlas-$(date -u +%Y-%m-%dT%H%M%SZ).age"
list=$(IFS=,; echo "${recipients[*]}")
flyctl ssh console --app "$APP" --quiet --command "/app/catatlas backup create - --recipient $list" > "$file"

# Whether it is whole, only a restore can tell: that is the drill's business. This much can be seen without the key.
if [ "$(head -c 21 "$file")" != age-encryption.org/v1 ]; then
  echo "what came is not an encrypted archive; it begins:" >&2
  head -c 200 "$file" | tr -dc '[:print:]\n' >&2
  rm -f "$file"
  exit 1
fi
(cd "$folder" && sha256sum -- *.age > SHA256SUMS)
echo "$file: $(wc -c < "$file") bytes"
