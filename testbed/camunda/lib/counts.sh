# shellcheck shell=bash
# What Operate and Tasklist know, by their own public APIs.

operate_total() { # KIND FILTER
  webapp_post operate "/v1/$1/search" "{\"size\":1,\"filter\":$2}" | jq .total
}

operate_counts() {
  jq -n --argjson definitions "$(operate_total process-definitions '{}')" \
    --argjson active "$(operate_total process-instances '{"state":"ACTIVE"}')" \
    --argjson completed "$(operate_total process-instances '{"state":"COMPLETED"}')" \
    --argjson canceled "$(operate_total process-instances '{"state":"CANCELED"}')" \
    --argjson incidents "$(operate_total incidents '{"state":"ACTIVE"}')" \
    --argjson variables "$(operate_total variables '{}')" '{
      processDefinitions: $definitions,
      processInstances: {active: $active, completed: $completed, canceled: $canceled,
        total: ($active + $completed + $canceled)},
      incidents: $incidents,
      variables: $variables
    }'
}

# Page by page, as Operate gives no more than 1000.
operate_all() { # KIND
  local page after='' n
  while :; do
    page=$(webapp_post operate "/v1/$1/search" \
      "{\"size\":1000,\"sort\":[{\"field\":\"key\",\"order\":\"ASC\"}]${after:+,\"searchAfter\":$after}}")
    jq -c '.items[]' <<<"$page"
    n=$(jq '.items | length' <<<"$page")
    [ "$n" = 1000 ] || break
    after=$(jq -c '.sortValues' <<<"$page")
  done
}

tasklist_all() {
  local page after='' n
  while :; do
    page=$(webapp_post tasklist /v1/tasks/search "{\"pageSize\":1000${after:+,\"searchAfter\":$after}}")
    jq -c '.[]' <<<"$page"
    n=$(jq length <<<"$page")
    [ "$n" = 1000 ] || break
    after=$(jq -c '.[-1].sortValues' <<<"$page")
  done
}

tasklist_counts() {
  # Its search gives no totals.
  tasklist_all | jq -s 'map(.taskState) | {tasks: {created: map(select(. == "CREATED")) | length,
    completed: map(select(. == "COMPLETED")) | length}}'
}

all_counts() {
  local operate tasklist
  operate=$(operate_counts)
  tasklist=$(tasklist_counts)
  jq -n --argjson operate "$operate" --argjson tasklist "$tasklist" '{operate: $operate, tasklist: $tasklist}'
}
