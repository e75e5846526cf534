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

# Tasklist's search gives no totals: all tasks, page by page.
tasklist_count() { # STATE
  local page query after='' total=0 n
  while :; do
    query="{\"state\":\"$1\",\"pageSize\":1000${after:+,\"searchAfter\":$after}}"
    page=$(webapp_post tasklist /v1/tasks/search "$query")
    n=$(jq length <<<"$page")
    total=$((total + n))
    [ "$n" = 1000 ] || break
    after=$(jq -c '.[-1].sortValues' <<<"$page")
  done
  echo "$total"
}

tasklist_counts() {
  jq -n --argjson created "$(tasklist_count CREATED)" --argjson completed "$(tasklist_count COMPLETED)" \
    '{tasks: {created: $created, completed: $completed}}'
}

all_counts() {
  local operate tasklist
  operate=$(operate_counts)
  tasklist=$(tasklist_counts)
  jq -n --argjson operate "$operate" --argjson tasklist "$tasklist" '{operate: $operate, tasklist: $tasklist}'
}
