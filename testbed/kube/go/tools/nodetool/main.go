// nodetool does the two small jobs around the cluster that need no Kubernetes
// code: keys and certificates, and a port forwarder into a network namespace.
// It is a program of its own because the big one costs 100 MiB to start.
package main

import (
	"fmt"
	"os"
)

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	os.Args = os.Args[1:]
	switch name {
	case "pki":
		runPKI()
	case "forward":
		runForward()
	default:
		die("usage: nodetool pki|forward ...")
	}
}

func die(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "nodetool: "+format+"\n", args...)
	os.Exit(1)
}
