# Objects of the chart, one after the other → a List in which every workload runs a program of the testbed: the container's
# name says which of $pods. Its image has nothing but folders; programs and data are the machine's own ($mounts: path →
# whether it may be written to), mounted where the chart's images have theirs.

def volume($path): $path | ltrimstr("/") | gsub("[^a-z0-9]+"; "-") | .[-50:] | ltrimstr("-");

def mounted($home):
  .volumes += [($mounts + {($distribution): false} | keys[]) as $path | {name: volume($path), hostPath: {path: $path}}]
  | .containers[0].volumeMounts =
      [$mounts | to_entries[] | {name: volume(.key), mountPath: .key, readOnly: (.value | not)}]
      + [{name: volume($distribution), mountPath: $home, readOnly: true}]
      + (.containers[0].volumeMounts // []);

# Whose names are in both wins here; its place in the order stays, as variables refer to earlier ones.
def with_env($ours):
  .env = [{name: "POD_IP", valueFrom: {fieldRef: {fieldPath: "status.podIP"}}}] + ((.env // []) | map(select(.name as $name | all($ours[]; .name != $name)))) + $ours;

def runs($pod; $home):
  .enableServiceLinks = false
  | .terminationGracePeriodSeconds = 60
  | .securityContext = {runAsUser: $user, runAsGroup: $user}
  | mounted($home)
  | .containers[0] |= ({image: $image, imagePullPolicy: "Never", command: $pod.command} as $run | . + $run | with_env($pod.env));

def workload:
  .spec.template.spec.containers[0].name as $name
  | $pods[$name] as $pod
  | .metadata.labels.testbed = $pod.component
  | .spec.replicas = 0
  | .spec.selector = {matchLabels: .spec.template.metadata.labels}
  | .spec.template.metadata.labels.testbed = $pod.component
  # The gateway is the same program as the broker.
  | .spec.template.spec |= runs($pod; "/usr/local/" + ($name | sub("-gateway$"; "")))
  # Nothing that ran with the same data may still be there.
  | if .kind == "Deployment" then .spec.strategy = {type: "Recreate"} else . end;

{apiVersion: "v1", kind: "List", items:
  [inputs | select(.metadata.name | test("-optimize") | not) | if .spec.template then workload else . end]}
