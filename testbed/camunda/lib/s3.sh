# shellcheck shell=bash
# The store for Zeebe's backups: an S3 server whose buckets are folders, so that they survive its end.

S3_ACCESS_KEY=testbed
S3_SECRET_KEY=testbed-secret-key
S3_BUCKET=zeebe-backup

s3_prepare() { mkdir -p "$WORK/store/objects/$S3_BUCKET" "$WORK/store/attributes"; }

s3_launch() {
  ports_free "$S3_PORT"
  s3_prepare
  # --sidecar: object attributes in plain files, since not every file system has extended attributes. That folder's
  # name must not begin with the other one's.
  local variables
  mapfile -t variables < <(s3_env)
  s3_command
  process_start s3 env -i PATH="$PATH" "${variables[@]}" "${COMMAND[@]}"
}

s3_env() { printf '%s\n' GOMEMLIMIT=120MiB "ROOT_ACCESS_KEY=$S3_ACCESS_KEY" "ROOT_SECRET_KEY=$S3_SECRET_KEY"; }

# Sets the array COMMAND.
s3_command() {
  COMMAND=("$CACHE/bin/versitygw" --port "$BIND:$S3_PORT"
    posix --sidecar "$WORK/store/attributes" "$WORK/store/objects")
}

# Any answer will do: the bucket is there, being a folder.
s3_wait() { wait_ready s3 "$LIMIT" curl -s -m 5 -o /dev/null "$S3_URL/"; }

# The variables that make a broker (and its restore) use the store.
s3_broker_env() {
  printf '%s\n' ZEEBE_BROKER_DATA_BACKUP_STORE=S3 \
    "ZEEBE_BROKER_DATA_BACKUP_S3_BUCKETNAME=$S3_BUCKET" \
    "ZEEBE_BROKER_DATA_BACKUP_S3_ENDPOINT=$S3_URL" \
    ZEEBE_BROKER_DATA_BACKUP_S3_REGION=us-east-1 \
    "ZEEBE_BROKER_DATA_BACKUP_S3_ACCESSKEY=$S3_ACCESS_KEY" \
    "ZEEBE_BROKER_DATA_BACKUP_S3_SECRETKEY=$S3_SECRET_KEY" \
    ZEEBE_BROKER_DATA_BACKUP_S3_FORCEPATHSTYLEACCESS=true
}
