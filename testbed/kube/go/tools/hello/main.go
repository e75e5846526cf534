// hello is the program in the smoke test's image: it answers HTTP, asks it,
// and shows what a pod's process sees. Static, so the image needs nothing else.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Where every pod finds its identity.
const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	name, rest := "", []string(nil)
	if len(args) > 0 {
		name, rest = args[0], args[1:]
	}
	switch {
	case name == "serve" && len(rest) == 2: // ADDRESS TEXT
		return serve(rest[0], rest[1])
	case name == "relay" && len(rest) > 0: // :PORT=HOST:PORT...
		return relay(rest)
	case name == "get" && len(rest) == 1: // URL
		return get(http.DefaultClient, rest[0], "")
	case name == "api" && len(rest) == 1: // PATH
		return api(rest[0])
	case name == "cat" && len(rest) == 0:
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case name == "cat" && len(rest) == 1: // FILE
		data, err := os.ReadFile(rest[0])
		os.Stdout.Write(data)
		return err
	case name == "id":
		fmt.Printf("uid=%d gid=%d\n", os.Getuid(), os.Getgid())
		return nil
	case name == "exit" && len(rest) == 1: // STATUS
		status, err := strconv.Atoi(rest[0])
		if err == nil {
			os.Exit(status)
		}
		return err
	}
	return errors.New("usage: hello serve ADDRESS TEXT | relay :PORT=HOST:PORT... | get URL | api PATH | cat [FILE] | id | exit STATUS")
}

func serve(address, text string) error {
	host, _ := os.Hostname()
	fmt.Printf("serving as %s\n", host)
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("%s %s\n", r.Method, r.URL.Path)
		fmt.Fprintf(w, "%s\n", text)
	}))
}

// relay passes every connection on, so that one program can stand behind many
// pods. A target HOST:PORT+ counts up from that port by the pod's number, the
// last part of a StatefulSet's pod's name.
func relay(pairs []string) error {
	host, _ := os.Hostname()
	number, _ := strconv.Atoi(host[strings.LastIndex(host, "-")+1:])
	failed := make(chan error)
	for _, pair := range pairs {
		here, there, _ := strings.Cut(pair, "=")
		if base, first, ok := strings.Cut(there, "+"); ok { // HOST:PORT+ counts up
			port, err := strconv.Atoi(base[strings.LastIndex(base, ":")+1:])
			if err != nil || first != "" {
				return errors.New("not a target: " + there)
			}
			there = base[:strings.LastIndex(base, ":")+1] + strconv.Itoa(port+number)
		}
		listener, err := net.Listen("tcp", here)
		if err != nil {
			return err
		}
		fmt.Printf("%s to %s\n", here, there)
		go func() { failed <- accept(listener, there) }()
	}
	return <-failed
}

func accept(listener net.Listener, target string) error {
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", target)
			if err != nil {
				fmt.Println(err)
				return
			}
			defer server.Close()
			go func() { // whichever side ends first ends both
				defer client.Close()
				io.Copy(client, server)
			}()
			io.Copy(server, client)
		}()
	}
}

// api asks the API server as the pod's service account.
func api(path string) error {
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return get(client, "https://kubernetes.default.svc"+path, string(token))
}

func get(client *http.Client, url, token string) error {
	client.Timeout = 5 * time.Second
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return errors.New(resp.Status)
	}
	return nil
}
